"""Looks whether a flow is well: what a monitor asks every minute, and a person at night."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from paidflow.flow.paid_flow import PaidFlow
from paidflow.operating.gateway_states import gateway_states
from paidflow.outgoing.deliveries import Deliveries
from paidflow.payments.sandbox import SandboxGateway
from paidflow.states.aggregate import Aggregate
from paidflow.store.paging import paged
from paidflow.store.records import as_time
from paidflow.views.folding import Folding

PAGE = 200
OVERDUE = (timedelta(minutes=5), timedelta(hours=1))
"""How long owed work may wait for a worker before it is a warning, and before it is critical."""

STUCK = timedelta(hours=1)
LOG_WAITS = (timedelta(minutes=1), timedelta(minutes=10))
VIEW_BEHIND_S = (60.0, 3600.0)
SKEW_S = (1.0, 30.0)
GATEWAY_DOWN = timedelta(minutes=10)
"""How long a gateway may not answer before that is critical."""

WEBHOOK_WAITS = timedelta(minutes=10)
REFUSED_LATELY = timedelta(hours=1)
PROOFS_FOR = timedelta(days=30)
"""How long a logged-out payer is expected to come back with a proof."""


class Level(IntEnum):
    """How bad it is; the number is the exit code."""

    GOOD = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look has shown.

    Args:
        name: what was looked at.
        level: how bad it is.
        sentence: what was found, and what to do.
    """

    name: str
    level: Level
    sentence: str


def examine(flow: PaidFlow, clock: Callable[[], datetime] | None = None) -> list[Finding]:
    """Look at everything.

    Args:
        flow: what to look at.
        clock: this machine's clock, UTC; by default the real one.
    """
    now = flow.clock.now()
    return [
        _home(flow),
        _skew(flow, clock or (lambda: datetime.now(UTC))),
        _overdue(flow, now),
        _late(flow, now),
        _stuck(flow, now),
        _attention(flow),
        _log(flow, now),
        *_views(flow),
        *_subscribers(flow),
        *_sandbox(flow),
        *_gateways(flow, now),
        *_webhooks(flow, now),
        *_keys(flow, now),
    ]


def _home(flow: PaidFlow) -> Finding:
    if flow.home.is_copy:
        told = "this database is a copy or was restored; run paidflow adopt --after-restore"
        return Finding("home", Level.CRITICAL, told)
    return Finding("home", Level.GOOD, "the database is where its log lives")


def _skew(flow: PaidFlow, clock: Callable[[], datetime]) -> Finding:
    """Asked between two looks at the own clock, so that the way there and back does not count."""
    before, begun = clock(), time.monotonic()
    told = flow.store.now()
    own = before + timedelta(seconds=(time.monotonic() - begun) / 2)
    skew_s = abs((told - own).total_seconds())
    level = _level(skew_s, SKEW_S)
    return Finding(
        "clock", level, f"this machine's clock and the database's differ by {skew_s:.1f} s"
    )


def _overdue(flow: PaidFlow, now: datetime) -> Finding:
    total, since = _count(flow, "count_overdue", before=now - OVERDUE[0])
    if not total or since is None:
        return Finding("overdue", Level.GOOD, "no owed work waits for a worker")
    level = Level.CRITICAL if now - since > OVERDUE[1] else Level.WARNING
    told = f"{total} actions wait for a worker, the first since {_minute(since)}; does one run?"
    return Finding("overdue", level, told)


def _late(flow: PaidFlow, now: datetime) -> Finding:
    total, _ = _count(flow, "count_late", now=now)
    if total:
        told = f"{total} actions are past the deadline of what they owe"
        return Finding("deadlines", Level.CRITICAL, told)
    return Finding("deadlines", Level.GOOD, "no deadline has passed")


def _stuck(flow: PaidFlow, now: datetime) -> Finding:
    total, since = _count(flow, "count_stuck", before=now - STUCK)
    if not total or since is None:
        return Finding("stuck", Level.GOOD, "nothing is stuck on its way")
    told = f"{total} actions do not get on, the first since {_minute(since)}; see paidflow list"
    return Finding("stuck", Level.WARNING, told)


def _attention(flow: PaidFlow) -> Finding:
    total, _ = _count(flow, "count_attention")
    if total:
        told = f"{total} actions wait for a person; see paidflow attention"
        return Finding("attention", Level.WARNING, told)
    return Finding("attention", Level.GOOD, "nothing waits for a person")


def _log(flow: PaidFlow, now: datetime) -> Finding:
    flow.store.publish()
    lag = flow.store.lag()
    waits_s = (now - lag.waiting_since).total_seconds() if lag.waiting_since else 0.0
    level = _level(waits_s, (LOG_WAITS[0].total_seconds(), LOG_WAITS[1].total_seconds()))
    if level is Level.GOOD:
        return Finding("log", level, f"readers are {lag.positions} positions behind")
    told = f"readers of the log have waited {waits_s:.0f} s for an open transaction"
    return Finding("log", level, told)


def _views(flow: PaidFlow) -> Iterator[Finding]:
    for lag in Folding(flow, [], create=False).lag():
        name = f"view {lag.name}"
        if lag.parked:
            told = f"{lag.parked} events could not be folded; see Folding.parked"
            yield Finding(name, Level.WARNING, told)
            continue
        level = _level(lag.seconds, VIEW_BEHIND_S) if lag.state == "live" else Level.GOOD
        yield Finding(name, level, f"version {lag.version} is {lag.seconds:.0f} s behind the log")


def _subscribers(flow: PaidFlow) -> Iterator[Finding]:
    for one in Deliveries(flow, []).subscriptions():
        level, told = Level.GOOD, f"{one.waiting} messages wait"
        if one.gone_at is not None:
            level, told = Level.WARNING, f"wants to hear nothing since {_minute(one.gone_at)}"
        elif one.given_up:
            level, told = Level.WARNING, f"{one.given_up} messages were given up"
        yield Finding(f"subscriber {one.name}", level, told)


def _sandbox(flow: PaidFlow) -> Iterator[Finding]:
    for name in flow.gateways:
        if isinstance(flow.gateways.gateway(name), SandboxGateway):
            yield Finding("gateways", Level.WARNING, f"{name} is a sandbox: it moves no real money")


def _gateways(flow: PaidFlow, now: datetime) -> Iterator[Finding]:
    for one in gateway_states(flow):
        if one.down_since is not None:
            level = Level.CRITICAL if now - one.down_since > GATEWAY_DOWN else Level.WARNING
            told = f"it does not answer since {_minute(one.down_since)}: {one.down_reason}"
            yield Finding(f"gateway {one.name}", level, told)
        if one.maintenance_since is not None:
            since = _minute(one.maintenance_since)
            told = f"in maintenance since {since}: {one.maintenance_reason}"
            yield Finding(f"maintenance {one.name}", Level.WARNING, told)
        if one.webhook_refused_at is not None and now - one.webhook_refused_at < REFUSED_LATELY:
            told = f"{one.webhooks_refused} webhooks were refused; is its secret the right one?"
            yield Finding(f"refused webhooks {one.name}", Level.WARNING, told)


def _webhooks(flow: PaidFlow, now: datetime) -> Iterator[Finding]:
    with flow.store.reading() as tx:
        rows = tx.query("count_webhooks").fetchall()
    for row in rows:
        since = as_time(row["since"])
        if since is not None and now - since > WEBHOOK_WAITS:
            told = f"{row['total']} are {row['standing']}, the first since {_minute(since)}"
            name = f"webhooks {row['gateway']}"
            yield Finding(name, Level.WARNING, f"{told}; see paidflow webhooks")


def _keys(flow: PaidFlow, now: datetime) -> Iterator[Finding]:
    """Which old keys open holds and the proofs of logged-out payers still need."""
    for_holds, for_proofs = Counter[str](), Counter[str]()
    for a in _with_keys(flow, now - PROOFS_FOR):
        if a.current is not None and a.current.hold and not a.current.dead:
            for_holds[a.current.key_id] += 1
        if a.actor is None and a.attempts:
            for_proofs[a.attempts[0].key_id] += 1
    for key_id in sorted(for_holds.keys() | for_proofs.keys()):
        if key_id == flow.keyring.current:
            continue
        needed = f"{for_holds[key_id]} open holds and {for_proofs[key_id]} proofs need key {key_id}"
        if key_id in flow.keyring:
            yield Finding("keys", Level.GOOD, f"{needed}, an old one: keep it")
        else:
            level = Level.CRITICAL if for_holds[key_id] else Level.WARNING
            yield Finding("keys", level, f"{needed}, which is not in the keyring")


def _with_keys(flow: PaidFlow, since: datetime) -> Iterator[Aggregate]:
    store, first = flow.store, {"action_id": ""}
    for row in paged(store, "select_unfinished_with_keys", after=first, limit=PAGE, since=since):
        loaded = flow.steps.load(row["action_id"])
        if loaded is not None:
            yield loaded.aggregate


def _count(flow: PaidFlow, query: str, **params: Any) -> tuple[int, datetime | None]:
    with flow.store.reading() as tx:
        row = tx.query(query, **params).fetchone()
    return (0, None) if row is None else (row["total"], as_time(row.get("since")))


def _level(value: float, limits: tuple[float, float]) -> Level:
    return Level(sum(value > limit for limit in limits))


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
