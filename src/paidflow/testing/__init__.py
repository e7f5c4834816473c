"""What applications and gateway authors test with."""

from paidflow.testing.clock import ManualClock
from paidflow.testing.ids import SeededIds

__all__ = ["ManualClock", "SeededIds"]
