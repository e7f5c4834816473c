"""A payer: has the client secret of a payment, a publishable key and cards."""

from __future__ import annotations

from typing import Any

import httpx

from tests.gateways.stripe.account import PUBLISHABLE_KEY

# docs.stripe.com/testing
GOOD = "4242424242424242"
DECLINED = "4000000000000341"
SECURE = "4000000000003220"


class Payer:
    """Pays as Stripe's script in a browser does.

    Args:
        url: where Stripe's API is.
    """

    def __init__(self, url: str) -> None:
        headers = {"Authorization": f"Bearer {PUBLISHABLE_KEY}"}
        self._client = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def pay(self, client_secret: str, card: str = GOOD, *, slow: bool = False) -> str:
        """Confirm a payment.

        Args:
            client_secret: of the payment.
            card: its number.
            slow: by a bank that says only later whether it pays.

        Returns:
            How the payment stands then, or why it was refused.
        """
        number = {"card[number]": card, "card[exp_month]": "12", "card[exp_year]": "2040"}
        method = self._client.post(
            "/v1/payment_methods", data={"type": "card", "card[cvc]": "123", **number}
        )
        method.raise_for_status()
        sent = {"payment_method": method.json()["id"], "slow": str(slow).lower()}
        return self._confirm(client_secret, "confirm", sent)

    def authenticate(self, client_secret: str, *, well: bool = True) -> str:
        """Finish 3-D Secure; how the payment stands then."""
        return self._confirm(client_secret, "_authenticate", {"success": str(well).lower()})

    def _confirm(self, client_secret: str, step: str, sent: dict[str, str]) -> str:
        payment_id = client_secret.partition("_secret_")[0]
        answer = self._client.post(
            f"/v1/payment_intents/{payment_id}/{step}",
            data={"client_secret": client_secret, **sent},
        )
        told: dict[str, Any] = answer.json()
        return told["status"] if answer.is_success else told["error"]["code"]
