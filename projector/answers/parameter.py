"""A parameter that cannot be used, whoever gave it: an option of a command, or a part of a URL."""

from projector.errors import ProjectorError


class WrongParameter(ProjectorError, ValueError):
    """The parameter `name` (that of the command's option, without dashes) is wrong; `told` says what was expected,
    and what was found."""

    def __init__(self, name: str, told: str) -> None:
        super().__init__(f"{name}: {told}")
        self.name = name
        self.told = told
