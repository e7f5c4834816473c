from __future__ import annotations

from paidflow import PaidFlow, WebhookAnswer
from paidflow.payments.sandbox import SandboxGateway
from tests.cli import shop
from tests.cli.conftest import Run
from tests.flow.support import invoice_of
from tests.wall import Note


def test_there_are_none(run: Run, flow: PaidFlow) -> None:
    assert run("webhooks", "list").stdout == "there are none\n"
    assert run("webhooks", "unmatched").stdout == "there are none\n"
    assert run("webhooks", "retry").stdout == "a worker will look at 0 webhooks again\n"


def test_what_was_sent(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    invoice_id = invoice_of(flow.perform(Note(text="gm"), actor="ann"))
    for asked in (invoice_id, "unheard-of", "unheard-of"):
        answer = flow.receive_webhook("sandbox", *bank.webhook(asked))
        assert answer is WebhookAnswer.ACCEPTED
    flow.look_at_webhooks()
    head, *lines = run("webhooks", "list", "--gateway", "sandbox").stdout.splitlines()
    assert head.split()[:4] == ["gateway", "invoice", "standing", "times"]
    found = {line.split()[1]: line for line in lines}
    assert "looked at" in found[invoice_id]
    assert found["unheard-of"].split()[2:4] == ["unmatched", "2"]
    assert run("webhooks", "list", "--gateway", "other").stdout == "there are none\n"
    assert len(run("webhooks", "list", "--limit", "1").stdout.splitlines()) == 2

    unmatched = run("webhooks", "unmatched", code=1)
    assert invoice_id not in unmatched.stdout
    assert "unheard-of" in unmatched.stdout
    assert "belong to no invoice" in unmatched.stderr

    again = run("webhooks", "retry", "--gateway", "sandbox", "--invoice", invoice_id)
    assert again.stdout == "a worker will look at 1 webhooks again\n"
    assert flow.look_at_webhooks() == 1


def test_what_they_hold_is_not_shown(run: Run, flow: PaidFlow, bank: SandboxGateway) -> None:
    headers, body = bank.webhook("unheard-of")
    flow.receive_webhook("sandbox", headers, body)
    shown = run("webhooks", "list").stdout
    assert headers["sandbox-signature"] not in shown
    assert body.decode() not in shown
    assert shop.WEBHOOK_SECRET not in shown
