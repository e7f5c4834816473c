"""An application as operators have it: its settings come from the environment."""

from __future__ import annotations

import os
from datetime import timedelta

from paidflow import Folding, PaidFlow, PeriodicTask, sats
from paidflow.outgoing.back_off import BackOff
from paidflow.outgoing.deliveries import Deliveries
from paidflow.outgoing.message import Message
from paidflow.outgoing.subscriber import Callback
from paidflow.payments.sandbox import SandboxGateway
from tests.payday import PAYDAY
from tests.views.support import Journal, Journal2
from tests.wall import SECRET

OLD_KEY = b"a key of last year"
WEBHOOK_SECRET = "shared with the bank"


def open_bank() -> SandboxGateway:
    """The bank behind the gateway."""
    return SandboxGateway(os.environ["SHOP_BANK"], sandbox=True, webhook_secret=WEBHOOK_SECRET)


def open_flow() -> PaidFlow:
    """The flow; whoever called closes it."""
    return PaidFlow.open(
        os.environ["SHOP_URL"],
        actions=PAYDAY,
        gateways={"sandbox": open_bank()},
        secret=SECRET,
        create=False,
    )


def open_views(flow: PaidFlow) -> Folding:
    """The views of this program."""
    return Folding(flow, [Journal()])


def open_new_views(flow: PaidFlow) -> Folding:
    """The views of the next program."""
    return Folding(flow, [Journal2()])


def greet(flow: PaidFlow) -> int:
    """A task of this program."""
    flow.grant("ann", sats(1), key="good morning")
    return 0


TASKS = [PeriodicTask("greet", timedelta(hours=1), greet)]
NO_TASKS = [greet]


def refuse_mail(message: Message) -> None:
    """A receiver that is never satisfied."""
    raise ValueError


def open_deliveries(flow: PaidFlow) -> Deliveries:
    """Who is told of events; what is refused once is given up."""
    subscribers = [Callback("mail", refuse_mail)]
    return Deliveries(flow, subscribers, start="beginning", back_off=BackOff(pauses_s=()))


def broken() -> PaidFlow:
    """An application whose settings are missing."""
    raise KeyError("SHOP_SETTING")


not_a_flow = 7
