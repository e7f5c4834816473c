"""What applications and gateway authors test with; the pytest plugin gives a ``Harness``."""

from paidflow.testing.clock import ManualClock
from paidflow.testing.crash import Crash, crash_at, points
from paidflow.testing.harness import Harness
from paidflow.testing.ids import SeededIds
from paidflow.testing.scenario import Scenario

__all__ = ["Crash", "Harness", "ManualClock", "Scenario", "SeededIds", "crash_at", "points"]
