"""docs/stripe.md runs, on localstripe behind the front."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from paidflow.clock import SystemClock
from paidflow.payments import stripe
from tests.docs.pages import page
from tests.docs.story import tell
from tests.gateways.stripe.account import SECRET_KEY, Account
from tests.gateways.stripe.front import WEBHOOK_SECRET, Front

pytestmark = pytest.mark.gateways


@pytest.fixture
def front(localstripe: str) -> Iterator[Front]:
    """The page tells nobody what time it is."""
    account = Account(localstripe, SystemClock())
    with Front(account, SystemClock()).served() as front:
        yield front
    account.close()


def test_the_page_runs(front: Front, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STRIPE_URL", front.url)
    monkeypatch.setenv("STRIPE_API_KEY", SECRET_KEY)
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET)
    here = partial(stripe.StripeGateway, url=front.url)
    monkeypatch.setattr(stripe, "StripeGateway", here)
    tell(page("docs/stripe.md"))
