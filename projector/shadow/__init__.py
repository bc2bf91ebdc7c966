"""The rebuild: the log folded from its start into a shadow, which then takes the projection's place at once."""

from projector.shadow.rebuild import Rebuilt, rebuild

__all__ = ["Rebuilt", "rebuild"]
