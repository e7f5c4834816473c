"""What the processes that are killed were about to do: one script for each way through.

A script is deterministic, so that a second run reaches the same points in the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from paidflow import PaidAction
from paidflow.views.reader import Reader
from tests.crash.world import World
from tests.wall import CarefulNote, CreditedNote, HeldNote, Note

Run = Callable[[World, PaidAction], None]
PAID = frozenset({"PAID"})
FAILED = frozenset({"FAILED"})
ANON = None


@dataclass(frozen=True, slots=True)
class Script:
    """One way through.

    Args:
        run: what the process does.
        action: what it requests.
        actor: who requests it; ``None`` for a logged-out person.
        ends: where the action may rest once somebody has paid for it.
        grants: whether it needs credits first.
        grace_s: for a bank that cannot confirm a close, when an expired invoice counts as closed.
    """

    run: Run
    action: PaidAction
    actor: str | None
    ends: frozenset[str]
    grants: bool
    grace_s: int | None


SCRIPTS: dict[str, Script] = {}


def script(
    action: PaidAction,
    *,
    actor: str | None = "ann",
    ends: frozenset[str] = PAID,
    grants: bool = False,
    grace_s: int | None = None,
) -> Callable[[Run], Run]:
    """Add a script under the name of its function."""

    def register(run: Run) -> Run:
        SCRIPTS[run.__name__] = Script(run, action, actor, ends, grants, grace_s)
        return run

    return register


@script(Note(text="from the purse"), grants=True)
def credits(w: World, note: PaidAction) -> None:
    w.grant()
    w.request(note)
    w.work()


@script(Note(text="for nothing", price_sats=0))
def free(w: World, note: PaidAction) -> None:
    w.request(note)
    w.work()


@script(Note(text="paid"))
def optimistic_paid(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.flow.sync("sandbox", receipt.invoice_id or "")
    w.work()


@script(Note(text="paid, found by the stream"))
def optimistic_streamed(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()


@script(Note(text="never paid"))
def optimistic_expired(w: World, note: PaidAction) -> None:
    w.request(note)
    w.clock.tick(602)
    w.work()


@script(Note(text="the gateway is down"))
def optimistic_outage(w: World, note: PaidAction) -> None:
    w.sandbox.outage(True)
    action_id = w.request(note).action_id
    w.clock.tick(6)
    w.work()
    w.sandbox.outage(False)
    w.clock.tick(6)
    w.work()
    w.pay(w.flow.get(action_id, actor="ann"))
    w.work()


@script(Note(text="the gateway stays down"))
def never_an_invoice(w: World, note: PaidAction) -> None:
    w.sandbox.outage(True)
    w.request(note)
    w.clock.tick(61)
    w.work()


@script(HeldNote(text="held"))
def pessimistic(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()


@script(HeldNote(text="held"), actor=ANON)
def pessimistic_logged_out(w: World, note: PaidAction) -> None:
    receipt = w.request(note, None)
    w.pay(receipt)
    w.flow.sync("sandbox", receipt.invoice_id or "")


@script(HeldNote(text="never done", raises={"perform": -1}), ends=FAILED)
def pessimistic_raises(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)
    w.work()


@script(HeldNote(text="captured, but the answer is lost"))
def capture_times_out(w: World, note: PaidAction) -> None:
    w.sandbox.fault("capture", "time_out_after")
    w.pay(w.request(note))
    w.work()


@script(HeldNote(text="capture is refused"), ends=PAID | FAILED)
def capture_declined(w: World, note: PaidAction) -> None:
    w.sandbox.fault("capture", "decline")
    w.pay(w.request(note))
    w.work()


@script(HeldNote(text="the gateway is gone when the money is held"), ends=PAID | FAILED)
def held_too_long(w: World, note: PaidAction) -> None:
    w.at["sync.answer.after"] = lambda: w.sandbox.outage(True)
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)
    w.work()
    w.clock.tick(61)
    w.work()
    w.sandbox.outage(False)
    w.clock.tick(301)
    w.work()


@script(Note(text="not wanted"))
def cancel_pending(w: World, note: PaidAction) -> None:
    w.flow.cancel(w.request(note).action_id, actor="ann")


@script(HeldNote(text="not wanted, though held"), ends=PAID | FAILED)
def cancel_hold(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.flow.cancel(receipt.action_id, actor="ann")


@script(Note(text="not wanted, but nobody hears it"))
def cancel_unheard(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.sandbox.outage(True)
    w.flow.cancel(receipt.action_id, actor="ann")
    w.clock.tick(3700)
    w.work()
    w.sandbox.outage(False)
    w.clock.tick(301)
    w.work()


@script(Note(text="cannot be cancelled"))
def cancel_declined(w: World, note: PaidAction) -> None:
    w.sandbox.fault("cancel", "decline")
    receipt = w.request(note)
    w.flow.cancel(receipt.action_id, actor="ann")
    w.pay(receipt)
    w.work()


@script(Note(text="again", claim="first"))
def retry_by_invoice(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.pay(w.flow.retry(receipt.action_id, actor="ann"))
    w.work()


@script(Note(text="again, from the purse"), grants=True)
def retry_from_credits(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.grant()
    w.flow.retry(receipt.action_id, actor="ann")


@script(HeldNote(text="held at the second try"))
def retry_pessimistic(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.pay(w.flow.retry(receipt.action_id, actor="ann"))
    w.work()


@script(Note(text="late"))
def late_accepted(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()


@script(Note(text="the first invoice is paid after the second was asked for"))
def late_while_retried(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.flow.retry(receipt.action_id, actor="ann")
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()
    w.clock.tick(6)
    w.work()


@script(Note(text="late, and no longer valid", valid_when_late=False), ends=PAID | FAILED)
def late_refused(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()


@script(CreditedNote(text="late"), ends=PAID | FAILED)
def late_credited(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()


@script(CarefulNote(text="late, and somebody decides"), ends=PAID | FAILED)
def late_decided(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()
    w.flow.resolve(receipt.action_id, "accept", operator="olga", why="it was ours")


@script(Note(text="twice"))
def paid_twice(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.pay(receipt)
    w.work()
    w.sandbox.pay_again(receipt.invoice_id or "")
    w.work()


@script(Note(text="bumpy", raises={"on_paid": 1}))
def on_paid_raises_once(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)
    w.work()


@script(Note(text="bumpy", raises={"on_failed": 1}))
def on_failed_raises_once(w: World, note: PaidAction) -> None:
    w.request(note)
    w.clock.tick(602)
    w.work()
    w.clock.tick(6)
    w.work()


@script(Note(text="bumpy", raises={"after_paid": 1}))
def after_paid_raises_once(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)
    w.work()


@script(CreditedNote(text="nobody's money"), actor=ANON, ends=PAID | FAILED)
def claim(w: World, note: PaidAction) -> None:
    receipt = w.request(note, None)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
    w.work()
    w.flow.claim(receipt.action_id, proof=receipt.proof or "", actor="ann")


@script(Note(text="for nothing", price_sats=0), grants=True)
def grant(w: World, note: PaidAction) -> None:
    w.grant()
    w.grant()


@script(Note(text="erased"))
def read_and_erase(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    Reader(w.flow).mark_read("ann")
    w.flow.erase(receipt.action_id)


@script(Note(text="counts as closed, but is paid"), grace_s=30)
def watched_and_paid(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(700)
    w.work()
    w.pay(receipt)
    w.clock.tick(700)
    w.work()


@script(Note(text="counts as closed"), grace_s=30)
def watched_for_a_day(w: World, note: PaidAction) -> None:
    w.request(note)
    w.clock.tick(700)
    w.work()
    w.clock.tick(90_000)
    w.work()


# What is owed when a worker starts: another process is stopped or ended in the middle of that.


@script(Note(text="to be settled"))
def owes_settle(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))


@script(HeldNote(text="to be performed and captured"))
def owes_capture(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))


@script(HeldNote(text="to be released", raises={"perform": -1}), ends=FAILED)
def owes_release(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))


@script(Note(text="to get an invoice"))
def owes_invoice(w: World, note: PaidAction) -> None:
    w.sandbox.outage(True)
    w.request(note)
    w.sandbox.outage(False)
    w.clock.tick(6)


@script(Note(text="to be closed"))
def owes_close(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.sandbox.outage(True)
    w.flow.cancel(receipt.action_id, actor="ann")
    w.sandbox.outage(False)
    w.clock.tick(6)


@script(Note(text="to be undone", raises={"on_failed": 1}))
def owes_undo(w: World, note: PaidAction) -> None:
    w.request(note)
    w.clock.tick(602)
    w.work()
    w.clock.tick(6)


@script(Note(text="to be made real", raises={"on_paid": 1}))
def owes_completion(w: World, note: PaidAction) -> None:
    w.pay(w.request(note))
    w.work()
    w.clock.tick(6)


@script(Note(text="the same with late money"))
def owes_late(w: World, note: PaidAction) -> None:
    receipt = w.request(note)
    w.clock.tick(602)
    w.work()
    w.sandbox.pay_late(receipt.invoice_id or "")
