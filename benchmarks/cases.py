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
        load: ``lifecycle``, ``full_log`` (lifecycles on a long log), ``zap`` (lifecycles that refer
            to items), ``payout`` (lifecycles that pay somebody), ``settle`` (invoices, in
            processes), ``backlog`` and ``zap_backlog`` (as fast as a side can), ``credits``
            (perform from the purse), ``read`` and ``read_all`` (pages of the view, with and without
            the rule), ``fold`` and ``rebuild`` (a view from the log), ``scan`` (the same events),
            ``memory`` (of a worker), ``loop`` (coroutines), ``hot``, ``tree``, ``profile`` and
            ``notifications`` (of a forum, and the bare queries between them), or ``fold_zaps`` (its
            views from one item).
        threads: how many threads work at once, in each process.
        processes: how many processes, for ``settle``.
        items: how many items the zaps go to, or how many people are paid.
        tasks: how many coroutines perform at once, for ``loop``.
    """

    side: str
    load: str = "lifecycle"
    threads: int = 1
    processes: int = 1
    items: int = 1
    tasks: int = 1

    def title(self, size: Size) -> str:
        """The load in words."""
        workers = f"{self.threads} thread{'s' * (self.threads > 1)}"
        items = f"{self.items:,} item{'s' * (self.items > 1)}"
        match self.load:
            case "full_log":
                return f"lifecycle, {workers}, {size.events:,} events"
            case "zap":
                return f"zap, {items}, {workers}"
            case "payout":
                people = f"{self.items:,} author{'s' * (self.items > 1)}"
                return f"lifecycle with a payout, {people}, {workers}"
            case "settle":
                return f"settle, {self.processes} process{'es' * (self.processes > 1)}"
            case "backlog":
                return f"backlog of {size.backlog:,}"
            case "zap_backlog":
                return f"backlog of {size.backlog:,}, with a hook"
            case "credits":
                return f"perform from credits, {workers}"
            case "read":
                return f"page of {size.rows:,} rows, visible"
            case "read_all":
                return f"page of {size.rows:,} rows, all"
            case "fold" | "rebuild" | "scan":
                return f"{self.load} a log of {size.folded:,} events"
            case "loop":
                return f"perform, {self.tasks} coroutines"
            case "hot" | "profile" | "notifications":
                return f"{self.load} page of {size.items:,} items"
            case "tree":
                return f"tree of {size.tree:,} comments"
            case "fold_zaps":
                return f"fold {size.hot_acts:,} acts on one item"
            case "memory":
                return f"worker, {size.memory_to:,} settlements"
            case _:
                return f"lifecycle, {workers}"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done in one round.

    Args:
        rounds: how often each case is run, unless its measure has a number of its own.
        rounds_max: how often a case is run at most.
        seconds: how long a case runs that is measured by time; ``None`` goes by ``count``.
        invoices: how many wait in a ``settle``.
        backlog: how many wait in a ``backlog``.
        calls: how many calls a ``credits`` makes.
        events: how many events a full log has, at least.
        rows: how many rows the view beside a full log has, at least.
        pages: how many pages are read, if there is time.
        folded: how many events a log has that is folded, at least.
        items: how many posts and comments a forum has.
        acts: how many zaps and other acts it has for each of them.
        tree: how many comments are read at once.
        hot_acts: how many acts on one item are folded.
        memory_from: after how many settlements a worker's memory is read first.
        memory_to: after how many it is read again.
        count: how many lifecycles or zaps, when there is no time.
    """

    rounds: int
    rounds_max: int
    seconds: float | None
    invoices: int
    backlog: int
    calls: int
    events: int
    rows: int
    pages: int
    folded: int
    items: int
    acts: int
    tree: int
    hot_acts: int
    memory_from: int
    memory_to: int
    count: int | None = None


LONG = Size(
    rounds=5,
    rounds_max=7,
    seconds=8.0,
    invoices=3_000,
    backlog=20_000,
    calls=50_000,
    events=5_000_000,
    rows=1_000_000,
    pages=4_000,
    folded=500_000,
    items=1_000_000,
    acts=10,
    tree=1_000,
    hot_acts=100_000,
    memory_from=10_000,
    memory_to=100_000,
)
SHORT = Size(
    rounds=3,
    rounds_max=3,
    seconds=2.0,
    invoices=400,
    backlog=1_000,
    calls=600,
    events=200_000,
    rows=40_000,
    pages=300,
    folded=40_000,
    items=10_000,
    acts=10,
    tree=1_000,
    hot_acts=10_000,
    memory_from=1_000,
    memory_to=4_000,
)


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
        bare_p50_ms: the median of the bare query that was asked after each call.
        grown_mb: by how much the memory of a worker has grown.
        lag_p50_ms: how late the event loop was, the median.
        lag_p99_ms: the 99th percentile of that.
    """

    case: Case
    round: int
    done: int
    seconds: float
    client_cpu: float
    server_cpu: float | None
    p50_ms: float | None = None
    p99_ms: float | None = None
    bare_p50_ms: float | None = None
    grown_mb: float | None = None
    lag_p50_ms: float | None = None
    lag_p99_ms: float | None = None

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
