"""The faults of the suite, by name.

`fault.py` says what one is; the other modules have them, `in_a_cluster.py` and `on_the_slot.py` those of a cluster.
"""

from tests.chaos.faults.failover import Failover
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.in_a_cluster import CutOffMaster, KilledMaster, OrderlyFailover, RestartedMaster
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
from tests.chaos.faults.on_the_slot import AtomicMigration, Resharding
from tests.chaos.faults.on_the_wire import (
    CutConnections,
    CutReplies,
    CutRequests,
    DelayedRequests,
    StalledWire,
    TruncatedReplies,
)

__all__ = ["FAULTS", "ON_A_CLUSTER", "Fault"]

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

ON_A_CLUSTER: tuple[Fault, ...] = (
    *(fault for fault in FAULTS if fault.place in ("projectors", "producers", "operators")),
    KilledMaster(),
    RestartedMaster(),
    OrderlyFailover(),
    CutOffMaster(),
    Resharding(),
    AtomicMigration(),
)
