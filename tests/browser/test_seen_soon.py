"""How long after its payment a post is seen by somebody else, without a reload."""

from __future__ import annotations

import os
import statistics
import time

import pytest
from playwright.sync_api import expect

from paidflow.forum import Discussion
from tests.browser.served_forum import SeenBy, Served, seen_by, served

__all__ = ["seen_by", "served"]

pytestmark = pytest.mark.soak
RUNS = 200 if os.environ.get("PAIDFLOW_SOAK") == "long" else 20
SEEN = """title => { window.seen = new Promise((resolve) => {
    const look = () => document.body.textContent.includes(title) && resolve(Date.now());
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
    look();
}); }"""


def test_seen_soon(served: Served, seen_by: SeenBy, capsys: pytest.CaptureFixture[str]) -> None:
    forum, bob = served.forum, seen_by("bob")
    took_ms: list[float] = []
    for number in range(RUNS):
        title = f"Rivers, part {number} of it"
        receipt = forum.flow.perform(Discussion(title=title), actor=f"writer {number}")
        expect(bob.get_by_text(title)).to_have_count(0)
        bob.evaluate(SEEN, title)
        paid_at_ms = time.time() * 1000
        assert served.bank.pay(receipt.invoice_id or "")
        took_ms.append(bob.evaluate("window.seen") - paid_at_ms)
    assert forum.items.recent(viewer="bob")[0]["title"] == title
    p50, p90 = statistics.median(took_ms), statistics.quantiles(took_ms, n=10)[8]
    with capsys.disabled():
        print(f"\nseen by somebody else, {RUNS} runs: p50 {p50:.0f} ms, p90 {p90:.0f} ms")
