"""A parameter that cannot be used, whoever gave it: an option of a command, or a part of a URL."""

from projector.errors import ProjectorError


class WrongParameter(ProjectorError, ValueError):
    """The parameter `name` (that of the command's option, without dashes) is wrong; `told` says what was expected,
    and what was found. It names the parameters `others`."""

    def __init__(self, name: str, told: str, *, others: tuple[str, ...] = ()) -> None:
        super().__init__(f"{name}: {told}")
        self.name = name
        self.told = told
        self._others = others

    @property
    def told_of_options(self) -> str:
        """The same where parameters are options."""
        told = self.told
        for other in self._others:
            told = told.replace(other, f"--{other}")
        return told
