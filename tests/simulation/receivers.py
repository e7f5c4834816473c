"""Rules: payments that are passed on to a receiver's wallet, and what can go wrong with them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from paidflow import Receipt, State
from paidflow.payments.sandbox_controls import HOLD_BLOCKS, HOLD_S
from tests.simulation.run import ACTORS, FAULTS, PICK, Run
from tests.simulation.world import ROUTE_FEE_MSATS, TIME_LOCK_S, Known
from tests.wall import EagerNote, WrappedNote

KINDS = (WrappedNote, EagerNote)
PRICES_SATS = (10, 10, 11)
"""Of the last one, one of the wallets rounds Bob's share down."""
WALLETS = (("bob-phone", "bob-home"), ("bob-home",), ("nobody", "bob-phone"))
WALLET_FAULTS = ("refuse", "raise", "nonsense", "more", "less", "expire", "again")
ENDS = ("finish", "break", "deny", "remember")
FATES = ("stuck", "unreachable", "refused", "overcharged")
TOO_DEAR_MSATS, TOO_LONG_S = 400, HOLD_S
DENIED_S = 400
"""After this the gateway would not begin a payment, so what it does not know was not sent."""


def _payments(self: Any) -> bool:
    return bool(self.world.bank.payments())


class Receivers(Run):
    """What receivers, their wallets and the way to them do."""

    def _zap(self, kind: type[Any], actor: str | None, price: int, wallets: Any) -> Receipt | None:
        self.world.bank.outage(False)
        self.world.bank.clear_faults()
        return self._request(kind(text="zap", price_sats=price, wallets=wallets), actor)

    def _pay_again(self, known: Known) -> None:
        retried = self._retry(known)
        if retried is not None:
            self._pay(retried)

    @rule(
        kind=st.sampled_from(KINDS),
        actor=st.sampled_from(ACTORS),
        price=st.sampled_from(PRICES_SATS),
        wallets=st.sampled_from(WALLETS),
        trouble=st.sampled_from((None, *FATES, *FAULTS)),
        again=st.booleans(),
    )
    def zap(
        self,
        kind: type[Any],
        actor: str | None,
        price: int,
        wallets: Any,
        trouble: Any,
        again: bool,
    ) -> None:
        """Somebody pays Bob, and perhaps tries again when that has failed."""
        receipt = self._zap(kind, actor, price, wallets)
        if trouble in FATES:
            self.world.bank.fate(trouble)
        elif trouble is not None:
            self.world.bank.fault("pay_out", trouble)
        if receipt is not None and self._pay(receipt) is State.FAILED and again:
            self._pay_again(self.world.known[-1])
        self._did("zap")

    @precondition(_payments)
    @rule(pick=PICK, end=st.sampled_from(ENDS), look=st.booleans())
    def end_payment(self, pick: int, end: str, look: bool) -> None:
        """A payment that is stuck ends, or the gateway says that it knows nothing of it."""
        bank = self.world.bank
        payments = [one for one in bank.payments() if one.status == "in_flight"] or bank.payments()
        payment_id = payments[pick % len(payments)].payment_id
        match end:
            case "finish":
                bank.finish_payment(payment_id)
            case "break":
                bank.break_payment(payment_id)
            case _:
                bank.forget_payment(payment_id, forgotten=end == "deny")
        if look:
            self._try(lambda: self.world.flow.sync("sandbox", payment_id))
        self._did("end_payment")

    @rule(
        kind=st.sampled_from(KINDS),
        actor=st.sampled_from(ACTORS),
        end=st.sampled_from(("finish_payment", "break_payment", None)),
        hold=st.sampled_from(("release_hold", "settle_hold", "pay", None)),
    )
    def zap_and_cancel(
        self, kind: type[Any], actor: str | None, end: str | None, hold: str | None
    ) -> None:
        """The payer changes his mind while Bob is being paid."""
        bank, receipt = self.world.bank, self._zap(kind, actor, 10, WALLETS[0])
        bank.fate("stuck")
        if receipt is not None and self._pay(receipt) is State.FORWARDING:
            invoice_id = receipt.invoice_id or ""
            self._try(lambda: self.world.flow.cancel(receipt.action_id, proof=receipt.proof))
            if hold is not None:
                getattr(bank, hold)(invoice_id)
                self._look(receipt)
            if end is not None:
                getattr(bank, end)(invoice_id)
                self._look(receipt)
        self._did("zap_and_cancel")

    @rule(
        kind=st.sampled_from(KINDS),
        actor=st.sampled_from(ACTORS),
        pretend=st.booleans(),
        again=st.booleans(),
    )
    def zap_and_take_back(
        self, kind: type[Any], actor: str | None, pretend: bool, again: bool
    ) -> None:
        """The payer takes back what is about to be captured; we may be told that it worked."""
        receipt = self._zap(kind, actor, 10, WALLETS[0])
        self.world.bank.payer_is_faster = True
        if pretend:
            self.world.bank.fault("capture", "pretend")
        lost = receipt is not None and self._pay(receipt) is State.FAILED
        self.world.bank.payer_is_faster = False
        if lost and again:
            self._pay_again(self.world.known[-1])
        self._did("zap_and_take_back")

    @rule(
        kind=st.sampled_from(KINDS),
        actor=st.sampled_from(ACTORS),
        stuck=st.booleans(),
        back=st.sampled_from((None, "refund", "open_dispute")),
    )
    def zap_and_deny(
        self, kind: type[Any], actor: str | None, stuck: bool, back: str | None
    ) -> None:
        """The gateway denies for long that it has paid Bob; meanwhile the payer tries again."""
        bank, receipt = self.world.bank, self._zap(kind, actor, 10, WALLETS[0])
        bank.fault("pay_out", "time_out_after")
        bank.fault("lookup_payment", "time_out_before")
        if receipt is not None and self._pay(receipt) is State.FORWARDING:
            known, payment_id = self.world.known[-1], receipt.invoice_id or ""
            bank.forget_payment(payment_id)
            self.world.tick(DENIED_S)
            self._look(receipt)
            if stuck:
                bank.fate("stuck")
            self._pay_again(known)
            bank.forget_payment(payment_id, forgotten=False)
            self._try(lambda: self.world.flow.sync_payment(receipt.action_id, 1))
            self._give_back(known, back)
        self._did("zap_and_deny")

    def _give_back(self, known: Known, back: str | None) -> None:
        action_id = known.receipt.action_id
        if back == "refund":
            self._try(lambda: self.world.flow.refund(action_id, operator="op", why="a test"))
        elif back is not None:
            self._remember_invoices()
            self.world.bank.open_dispute(known.invoices[-1])
            self._try(lambda: self.world.flow.sync("sandbox", known.invoices[-1]))

    @rule(kind=st.sampled_from(KINDS), actor=st.sampled_from(ACTORS))
    def zap_too_late(self, kind: type[Any], actor: str | None) -> None:
        """Half of the time for which the money is locked is over before somebody looks."""
        receipt = self._zap(kind, actor, 10, WALLETS[0])
        if receipt is not None and receipt.invoice_id is not None:
            self.world.bank.pay(receipt.invoice_id)
            self.world.tick(HOLD_S // 2 + 1)
            self.world.bank.mine_blocks(HOLD_BLOCKS // 6 + 1)
            self._look(receipt)
        self._did("zap_too_late")

    @rule(
        wallet=st.sampled_from(("bob-phone", "bob-home")),
        fault=st.sampled_from((*WALLET_FAULTS, None)),
        kind=st.sampled_from(KINDS),
    )
    def wallet(self, wallet: str, fault: Any, kind: type[Any]) -> None:
        """Something is wrong with a wallet of Bob's from now on, and it is asked."""
        self.world.wallets[wallet].fault = fault
        receipt = self._zap(kind, None, 10, (wallet, *WALLETS[0]))
        if receipt is not None:
            self._pay(receipt)
        self._did("wallet")

    @rule(
        fee_msats=st.sampled_from((0, ROUTE_FEE_MSATS, TOO_DEAR_MSATS)),
        time_lock_s=st.sampled_from((TIME_LOCK_S, TOO_LONG_S)),
    )
    def route(self, fee_msats: int, time_lock_s: int) -> None:
        """What the way to Bob costs, and how long it may take, from now on."""
        self.world.bank.route_fee = fee_msats
        self.world.bob.time_lock_s = time_lock_s
        self._did("route")
