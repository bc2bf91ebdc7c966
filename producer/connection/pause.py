"""The growing, bounded pause between two attempts."""

from collections.abc import Callable


class Pause:
    """Pauses of `first` seconds, then twice as long each time, up to `longest`; `sleep` waits for so many seconds."""

    def __init__(self, first: float, longest: float, *, sleep: Callable[[float], object]) -> None:
        self._first = first
        self._longest = longest
        self._sleep = sleep
        self.seconds = first
        """How long the next pause is."""

    def wait(self) -> None:
        """Pause."""
        seconds, self.seconds = self.seconds, min(2 * self.seconds, self._longest)
        self._sleep(seconds)

    def reset(self) -> None:
        """Begin again with the first pause, because an attempt succeeded."""
        self.seconds = self._first
