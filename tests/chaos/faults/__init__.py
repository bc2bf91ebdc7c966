"""The faults of the suite, by name.

`fault.py` says what one is; `on_processes.py`, `on_operators.py`, `on_servers.py`, `on_the_wire.py` and `failover.py`
have them.
"""

from tests.chaos.faults.failover import Failover
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.on_operators import KilledRebuild
from tests.chaos.faults.on_processes import (
    CrowdOfProjectors,
    FrozenProjector,
    KilledArchiver,
    KilledProducer,
    KilledProjector,
    StoppedProjector,
)
from tests.chaos.faults.on_servers import (
    FlushedScripts,
    FullDisk,
    FullMemory,
    KilledConnections,
    KilledServer,
    PausedClients,
    RestartedServer,
)
from tests.chaos.faults.on_the_wire import (
    CutConnections,
    CutReplies,
    CutRequests,
    DelayedRequests,
    StalledWire,
    TruncatedReplies,
)

__all__ = ["FAULTS", "Fault"]

FAULTS: tuple[Fault, ...] = (
    KilledProjector(),
    KilledArchiver(),
    StoppedProjector(),
    FrozenProjector(),
    CrowdOfProjectors(),
    KilledProducer(),
    KilledRebuild(),
    KilledServer(),
    RestartedServer(),
    FlushedScripts(),
    FullMemory(),
    FullDisk(),
    KilledConnections(),
    PausedClients(),
    Failover(),
    CutConnections(),
    CutRequests(),
    CutReplies(),
    TruncatedReplies(),
    DelayedRequests(),
    StalledWire(),
)
