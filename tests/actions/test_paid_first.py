"""Whoever wants something to be paid before it is done derives from it."""

from __future__ import annotations

import pytest

from paidflow import PaidFlow, State
from paidflow.actions.contract import PaidAction
from paidflow.forum import ACTIONS
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from paidflow.testing.payer import pay
from tests.forum import SCENES, open_forum
from tests.wall import SECRET
from tests.zaps import differences

BOTH = [kind for kind in ACTIONS if kind.optimistic and kind.pessimistic]


@pytest.mark.parametrize("kind", BOTH, ids=lambda kind: kind.kind)
def test_paid_before_it_is_done(
    store_url: str, sandbox: SandboxGateway, clock: ManualClock, kind: type[PaidAction]
) -> None:
    class PaidFirst(kind):
        optimistic = False

    with open_forum(store_url, sandbox, clock) as forum:
        action = SCENES[kind.kind](forum)
    actions = [PaidFirst, *(other for other in ACTIONS if other is not kind)]
    gateways = {"sandbox": sandbox}
    with PaidFlow.open(
        store_url, actions=actions, gateways=gateways, secret=SECRET, clock=clock
    ) as flow:
        receipt = flow.perform(PaidFirst(**dict(action)), actor="ann")
        assert receipt.state is State.PENDING_HELD
        assert pay(flow, sandbox, receipt).state is State.PAID
        assert differences(flow) == []
