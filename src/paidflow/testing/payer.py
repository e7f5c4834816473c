"""What the payer of a receipt does at the sandbox bank, and what the application sees of it.

A receipt that comes back holds the proof of the one that was passed.
"""

from __future__ import annotations

from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.receipt import Receipt
from paidflow.money import Money
from paidflow.payments.sandbox import SandboxGateway


def invoice_of(receipt: Receipt) -> str:
    """The id of the invoice that a receipt is about."""
    assert receipt.invoice_id is not None, f"there is no invoice: it is {receipt.state}"
    return receipt.invoice_id


def sync(flow: PaidFlow, receipt: Receipt) -> Receipt:
    """Look at the invoice of a receipt, as a webhook of the gateway would have you do."""
    assert receipt.gateway is not None, f"there is no invoice: it is {receipt.state}"
    found = flow.sync(receipt.gateway, invoice_of(receipt))
    assert found is not None
    return found.model_copy(update={"proof": receipt.proof})


def pay(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    receipt: Receipt,
    amount: Money | None = None,
    *,
    late: bool = False,
) -> Receipt:
    """Pay the invoice of a receipt and look at it.

    Args:
        flow: whose receipt.
        sandbox: the bank.
        receipt: what is paid.
        amount: what the payer sends; ``None`` for what was asked.
        late: whether the bank takes it although the invoice is closed.
    """
    assert sandbox.pay(invoice_of(receipt), amount, late=late), "the bank did not take the payment"
    return sync(flow, receipt)


def again(flow: PaidFlow, receipt: Receipt) -> Receipt:
    """Where the action of a receipt stands now."""
    found = flow.get(receipt.action_id, proof=receipt.proof)
    return found.model_copy(update={"proof": receipt.proof})
