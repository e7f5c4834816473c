"""Rules: prices in dollars that are paid in bitcoin."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from paidflow import Money, msats
from tests.simulation.desk import DOLLAR_NOTES, RATES, Mood
from tests.simulation.run import ACTORS, PICK, Run


class Dollars(Run):
    """What happens to prices in dollars, and to who converts them."""

    @rule(
        kind=st.sampled_from(DOLLAR_NOTES),
        actor=st.sampled_from(ACTORS),
        cents=st.sampled_from((10, 13)),
        more_msats=st.sampled_from((0, 0, 0, 5_000, -1_000)),
    )
    def buy(self, kind: type[Any], actor: str | None, cents: int, more_msats: int) -> None:
        """Somebody pays a price in dollars, or more or less than that."""
        receipt = self._request(kind(text="buy", price_sats=cents), actor)
        if receipt is not None and receipt.invoice_id and receipt.amount_due:
            self.world.bank.pay(receipt.invoice_id, receipt.amount_due + msats(more_msats))
            self._look(receipt)
        self._did("buy")

    @rule(
        kind=st.sampled_from(DOLLAR_NOTES),
        actor=st.sampled_from(ACTORS),
        rate=st.sampled_from(RATES),
        late=st.booleans(),
        pick=PICK,
    )
    def buy_later(
        self, kind: type[Any], actor: str | None, rate: str, late: bool, pick: int
    ) -> None:
        """A quote runs out, and another one is asked for; perhaps somebody pays the old one."""
        receipt = self._request(kind(text="later", price_sats=10), actor)
        if receipt is not None and receipt.invoice_id is not None:
            known, invoice_id = self.world.known[-1], receipt.invoice_id
            self.world.bank.expire(invoice_id)
            self._look(receipt)
            self.world.desk.rate = rate
            again = self._retry(known)
            if late:
                self.world.bank.pay_late(invoice_id)
                self._look(receipt)
            if again is not None and pick % 2:
                self._pay(again)
        self._did("buy_later")

    @rule(
        mood=st.sampled_from(("fine", "fine", "down", "unknown", "short", "wrong")),
        rate=st.sampled_from(RATES),
        valid_s=st.sampled_from((900, 100)),
        cents=st.sampled_from((10, 11, 12)),
    )
    def desk(self, mood: Mood, rate: str, valid_s: int, cents: int) -> None:
        """How who converts is from now on, and it is asked."""
        desk = self.world.desk
        desk.mood, desk.rate, desk.valid_s = mood, rate, valid_s
        self._request(DOLLAR_NOTES[cents % 3](text="desk", price_sats=cents), None)
        self._did("desk")

    @rule(
        actor=st.sampled_from(("ann", "bob")),
        cents=st.sampled_from((4, 25)),
        key=st.integers(0, 3),
    )
    def grant_dollars(self, actor: str, cents: int, key: int) -> None:
        self.world.flow.grant(actor, Money(cents, "USD"), key=f"dollars {actor} {key}")
        self._did("grant_dollars")
