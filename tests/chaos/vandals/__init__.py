"""The vandals of the suite: at the consumer group, at the log, at the projection."""

from tests.chaos.vandals.on_the_group import GROUP_VANDALS
from tests.chaos.vandals.on_the_log import LOG_VANDALS
from tests.chaos.vandals.on_the_projection import PROJECTION_VANDALS
from tests.chaos.vandals.vandal import Vandal

__all__ = ["GROUP_VANDALS", "LOG_VANDALS", "PROJECTION_VANDALS", "VANDALS", "Vandal"]

VANDALS = (*GROUP_VANDALS, *LOG_VANDALS, *PROJECTION_VANDALS)
