"""Locked money is only passed on by a gateway that lets a payment fail in time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from paidflow import State, msats
from paidflow.payments.contract import Profile
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.sandbox_wallet import SandboxWallet
from paidflow.testing import ManualClock
from tests.flow.support import pay
from tests.wall import WrappedNote, open_wall


class PatientBank(SandboxGateway):
    """A bank whose payments take as long as they take."""

    @property
    def profile(self) -> Profile:
        return replace(super().profile, forwards=False)


def test_a_receiver_gets_credits_instead(
    store_url: str, tmp_path: Path, clock: ManualClock
) -> None:
    bob = SandboxGateway(tmp_path / "bob.db", sandbox=True, clock=clock, account="bob")
    bank = PatientBank(tmp_path / "bank.db", sandbox=True, clock=clock, receivers=[bob])
    phone = SandboxWallet(bob)
    with open_wall(store_url, {"sandbox": bank}, clock=clock, wallets={"bob-phone": phone}) as flow:
        receipt = flow.perform(WrappedNote(text="for Bob"), actor="ann")
        assert pay(flow, bank, receipt).state is State.PAID
        assert (phone.asked, bob.total_received()) == (0, msats(0))
        assert flow.balance("bob") == msats(7_000)
