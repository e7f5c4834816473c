"""Secrets stay secret: in the logs, the events, the tables, receipts, errors and histories."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from paidflow import Keyring, PaidFlow, Receipt, State, Worker, sats
from paidflow.errors import PaidflowError
from paidflow.payments.sandbox import SandboxGateway
from paidflow.testing import ManualClock
from tests.flow.support import expired, invoice_of, pay, snapshot, work
from tests.wall import SECRET, CarefulNote, HeldNote, HookTrouble, Note

KEYS = ("a key of ann", "0123456789abcdef0123456789abcdef")


class Listener:
    """Hears everything that is said while flows run."""

    def __init__(self, flow: PaidFlow, sandbox: SandboxGateway) -> None:
        self.flow = flow
        self.said: list[str] = []
        self.secrets: dict[str, str] = {"the secret": SECRET}
        self.secrets |= {f"key {number}": key for number, key in enumerate(KEYS)}
        self._capture = sandbox.capture
        sandbox.capture = self.capture  # pyright: ignore[reportAttributeAccessIssue]

    def capture(self, command: Any) -> Any:
        if command.preimage:
            self.secrets[f"preimage {len(self.secrets)}"] = command.preimage.hex()
            self.said.append(repr(command))
        return self._capture(command)

    def heard(self, receipt: Receipt) -> Receipt:
        self.said.append(repr(receipt))
        self.said.append(str(receipt))
        if receipt.proof:
            self.secrets[f"proof {receipt.action_id}"] = receipt.proof
            self.secrets[f"bare {receipt.action_id}"] = receipt.proof.partition(".")[2]
        return receipt

    def refused(self, call: Any, *args: Any, **more: Any) -> None:
        with pytest.raises((PaidflowError, HookTrouble)) as caught:
            call(*args, **more)
        error: BaseException | None = caught.value
        while error is not None:
            self.said.extend((repr(error), str(error), repr(vars(error))))
            error = error.__cause__ or error.__context__

    def nonces(self) -> dict[str, str]:
        with self.flow.store.reading() as tx:
            rows = tx.execute("select action_id, number, nonce from paidflow_attempts").fetchall()
        return {f"nonce {r['action_id']} {r['number']}": r["nonce"] for r in rows}

    def tables(self) -> str:
        """Every table as text, but for the one column where nonces may be."""
        found = snapshot(self.flow)
        del found["paidflow_attempts"]
        with self.flow.store.reading() as tx:
            rows = tx.execute(
                "select action_id, number, gateway, invoice_id, payment_request"
                " from paidflow_attempts"
            ).fetchall()
        return repr(found) + repr([dict(row) for row in rows])


def run_many_flows(
    ears: Listener, flow: PaidFlow, sandbox: SandboxGateway, clock: ManualClock
) -> None:
    strong = KEYS[1]
    one = ears.heard(flow.perform(Note(text="a"), actor="ann", idempotency_key=KEYS[0]))
    ears.heard(flow.perform(Note(text="a"), actor="ann", idempotency_key=KEYS[0]))
    ears.refused(flow.perform, Note(text="b"), actor="ann", idempotency_key=KEYS[0])
    ears.heard(pay(flow, sandbox, one))
    two = ears.heard(flow.perform(HeldNote(text="c"), idempotency_key=strong))
    ears.heard(pay(flow, sandbox, two, sats(15)))
    ears.heard(flow.claim(two.action_id, proof=two.proof or "", actor="bob"))
    ears.refused(flow.claim, two.action_id, proof=two.proof, actor="bob")
    ears.refused(flow.get, two.action_id, proof=(two.proof or "") + "0")
    ears.refused(flow.retry, two.action_id, proof=two.proof)
    ears.refused(flow.perform, HeldNote(text="d"), idempotency_key=strong)
    ears.refused(flow.perform, Note(text="d"), idempotency_key=strong[:10])
    raising = HeldNote(text="e", raises={"perform": -1})
    ears.heard(pay(flow, sandbox, ears.heard(flow.perform(raising))))
    ears.refused(flow.perform, Note(text="f", raises={"perform": -1}), actor="ann")
    three = ears.heard(flow.perform(Note(text="h", claim="x"), actor="ann"))
    ears.refused(flow.perform, Note(text="i", claim="x"), actor="bob")
    ears.heard(flow.cancel(three.action_id, proof=three.proof))
    ears.heard(flow.retry(three.action_id, proof=three.proof))
    four = ears.heard(flow.perform(HeldNote(text="j"), actor="ann"))
    for fault in ("time_out_before", "raise", "decline"):
        sandbox.fault("capture", fault)
    ears.heard(pay(flow, sandbox, four))
    ears.said.append(repr(flow.prepare(HeldNote(text="k"), actor="ann", idempotency_key="k")))
    careful = ears.heard(expired(flow, sandbox, CarefulNote(text="l")))
    pay(flow, sandbox, careful, late=True)
    work(flow, clock, times=5, seconds=300)
    flow.resolve(careful.action_id, "credit", operator="eve", why="late")
    for receipt in (one, two, three, four, careful):
        lines = flow.history(receipt.action_id, proof=receipt.proof)
        ears.said.extend(repr(line) for line in lines)
    ears.said.extend((repr(flow), repr(vars(flow)), repr(Worker(flow)), repr(Keyring.of(SECRET))))
    ears.said.extend(repr(vars(part)) for part in (flow.registry, flow.gateways))


def test_no_secret_is_said_or_kept(
    flow: PaidFlow,
    sandbox: SandboxGateway,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    ears = Listener(flow, sandbox)
    run_many_flows(ears, flow, sandbox, clock)
    secrets = ears.secrets | ears.nonces()
    kinds = {name.split()[0] for name in secrets}
    assert kinds == {"the", "key", "preimage", "proof", "bare", "nonce"}
    places = {
        "log": "\n".join(f"{r.name} {r.getMessage()} {r.__dict__}" for r in caplog.records),
        "said": "\n".join(ears.said),
        "tables": ears.tables(),
    }
    assert all(len(text) > 500 for text in places.values())
    leaks = [
        (place, name)
        for place, text in places.items()
        for name, secret in secrets.items()
        if secret in text
    ]
    assert leaks == []


def test_what_is_searched_for_would_be_found(flow: PaidFlow, sandbox: SandboxGateway) -> None:
    """The search itself works: what may be kept is found where it is kept."""
    ears = Listener(flow, sandbox)
    receipt = ears.heard(flow.perform(HeldNote(text="a very private line")))
    assert pay(flow, sandbox, receipt).state is State.PAID
    assert "a very private line" in ears.tables()
    assert invoice_of(receipt) in ears.tables()
    nonces = list(ears.nonces().values())
    assert nonces
    assert all(nonce in repr(snapshot(flow)["paidflow_attempts"]) for nonce in nonces)


def test_a_receipt_holds_what_its_owner_needs(flow: PaidFlow) -> None:
    receipt = flow.perform(Note(text="gm"), actor="ann")
    dumped = receipt.model_dump(mode="json")
    assert dumped["proof"] == receipt.proof
    assert dumped["payment_request"] == receipt.payment_request
    for name in ("proof", "payment_request"):
        assert dumped[name] not in repr(receipt)
