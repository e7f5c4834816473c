"""What is run: one side with one load; and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

HOT = 1
MANY = 10_000


@dataclass(frozen=True, slots=True)
class Case:
    """One side with one load.

    Args:
        side: the name of the side.
        load: ``lifecycle``, ``settle`` (a backlog), ``zap`` (lifecycles that refer to items) or
            ``credits`` (perform from the purse).
        threads: how many threads work at once, in each process.
        processes: how many processes, for ``settle``.
        items: how many items the zaps go to.
    """

    side: str
    load: str = "lifecycle"
    threads: int = 1
    processes: int = 1
    items: int = 1

    @property
    def title(self) -> str:
        """The load in words."""
        workers = f"{self.threads} thread{'s' * (self.threads > 1)}"
        match self.load:
            case "settle":
                return f"settle, {self.processes} process{'es' * (self.processes > 1)}"
            case "zap":
                return f"zap, {self.items:,} item{'s' * (self.items > 1)}, {workers}"
            case "credits":
                return f"perform from credits, {workers}"
            case _:
                return f"lifecycle, {workers}"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done in one round.

    Args:
        rounds: how often each case is run.
        seconds: how long a case runs that is measured by time; ``None`` goes by ``count``.
        backlog: how many settlements wait in a ``settle``.
        calls: how many calls a ``credits`` makes.
        count: how many lifecycles or zaps, when there is no time.
    """

    rounds: int
    seconds: float | None
    backlog: int
    calls: int
    count: int | None = None


LONG = Size(rounds=7, seconds=12.0, backlog=3_000, calls=7_200)
SHORT = Size(rounds=3, seconds=2.0, backlog=400, calls=600)


@dataclass(frozen=True, slots=True)
class Result:
    """What one case did in one round.

    Args:
        case: what was run.
        round: in which round, from 0.
        done: how many lifecycles, settlements or calls.
        seconds: how long they took until everything had caught up.
        client_cpu: processor seconds of the benchmark's own processes.
        server_cpu: processor seconds of PostgreSQL; ``None`` if they cannot be read.
        p50_ms: the median of one call.
        p99_ms: the 99th percentile of one call.
    """

    case: Case
    round: int
    done: int
    seconds: float
    client_cpu: float
    server_cpu: float | None
    p50_ms: float | None = None
    p99_ms: float | None = None

    @property
    def rate(self) -> float:
        """How many per second."""
        return self.done / self.seconds

    @property
    def client_ms(self) -> float:
        """Own processor time of each, in milliseconds."""
        return self.client_cpu / self.done * 1000

    @property
    def server_ms(self) -> float | None:
        """The server's processor time of each, in milliseconds."""
        return None if self.server_cpu is None else self.server_cpu / self.done * 1000
