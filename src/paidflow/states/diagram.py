"""The state table for readers: a diagram and two tables, made from the table that runs.

``python -m paidflow.states.diagram`` prints them; with names of files it brings these up to date,
between their markers ``<!-- state-diagram:begin -->`` and ``<!-- state-diagram:end -->``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paidflow.states.machine import TABLE, State
from paidflow.states.owed import OwedKind


@dataclass(frozen=True, slots=True)
class Standing:
    """What it means to stand in a state.

    Args:
        meaning: in words.
        owed: what can be owed next there, as long as nothing out of the ordinary happened.
        by: who owes it.
        until: when it ends.
    """

    meaning: str
    owed: tuple[OwedKind, ...]
    by: str
    until: str


STANDINGS = {
    State.PENDING: Standing(
        "performed, optimistically; only the actor sees it",
        (OwedKind.PAYMENT,),
        "payer",
        "the invoice is closed",
    ),
    State.PENDING_HELD: Standing(
        "a hold invoice is out; not performed, unless it is wrapped or tried again",
        (OwedKind.HOLD,),
        "payer",
        "the invoice is closed",
    ),
    State.HELD: Standing(
        "the payer's money is locked",
        (OwedKind.PERFORM,),
        "worker",
        "the hold's deadline is near, or the gateway's patience ends",
    ),
    State.FORWARDING: Standing(
        "money is on its way to somebody else, or may be",
        (OwedKind.FORWARD,),
        "gateway",
        "a lookup shows it arrived, failed, or never sent",
    ),
    State.CAPTURING: Standing(
        "performed; capture was asked for",
        (OwedKind.CAPTURE,),
        "worker",
        "a lookup shows it captured, or gone",
    ),
    State.CANCELLING: Standing(
        "cancel or release was asked for",
        (OwedKind.CLOSE,),
        "worker",
        "a lookup shows it closed, or settled",
    ),
    State.RETRYING: Standing(
        "there is no invoice that can be paid, or nothing was paid out yet",
        (OwedKind.INVOICE, OwedKind.PAY_OUT),
        "worker",
        "there is one, or it is asked for, or the time for that ends",
    ),
    State.PAID: Standing(
        "performed and paid; everybody sees it",
        (OwedKind.AFTER_PAID,),
        "worker",
        "the hook has run, if there is one",
    ),
    State.FAILED: Standing(
        "not paid, and undone if it was performed; may be tried again",
        (OwedKind.UNDO,),
        "worker",
        "it has run; nothing if it did not raise",
    ),
    State.REFUNDED: Standing(
        "paid, and all of it went back; only the actor sees it",
        (OwedKind.UNDO, OwedKind.REVERSAL),
        "worker",
        "the hook has run; the gateway shows that the money arrived, or bounced",
    ),
    State.DISPUTED: Standing(
        "paid, and contested; only the actor sees it",
        (OwedKind.UNDO, OwedKind.REVERSAL),
        "gateway",
        "the hook has run; the dispute is won or lost",
    ),
}

WORK = {True: "done", False: "not done", None: "either"}


def diagram() -> str:
    """The state table as a Mermaid diagram."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for rule in TABLE:
        source = "[*]" if rule.source is State.NEW else rule.source
        lines.append(f"    {source} --> {rule.target}: {rule.trigger}")
    return "\n".join([*lines, "```"])


def states() -> str:
    """The states as a Markdown table."""
    head = ("state", "meaning", "owed next", "by", "until")
    rows = [
        (f"`{state}`", s.meaning, ", ".join(f"`{kind}`" for kind in s.owed), s.by, s.until)
        for state, s in STANDINGS.items()
    ]
    return _table(head, rows)


def transitions() -> str:
    """The transitions as a Markdown table."""
    head = ("from", "what happens", "to", "the work", "when")
    return _table(
        head,
        [
            (
                "new" if rule.source is State.NEW else f"`{rule.source}`",
                f"`{rule.trigger}`",
                f"`{rule.target}`",
                WORK[rule.performed],
                rule.why,
            )
            for rule in TABLE
        ],
    )


BLOCKS: dict[str, Callable[[], str]] = {
    "state-diagram": diagram,
    "state-table": states,
    "state-transitions": transitions,
}


def refresh(text: str) -> str:
    """The text with everything between the markers as it should be now."""
    for name, block in BLOCKS.items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        between = re.compile(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", re.DOTALL)
        fresh = f"\n{block()}\n"
        text = between.sub(lambda _, fresh=fresh: fresh, text)
    return text


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(files: list[str]) -> None:
    """Print everything, or bring files up to date."""
    if not files:
        print("\n\n".join(block() for block in BLOCKS.values()))
    for file in files:
        path = Path(file)
        path.write_text(refresh(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
