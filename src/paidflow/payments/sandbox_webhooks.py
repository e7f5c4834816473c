"""The webhooks of the sandbox bank: signed hints."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping

from paidflow.errors import InvalidConfiguration, WebhookRefused
from paidflow.payments import contract as c

SIGNATURE_HEADER = "sandbox-signature"


class SandboxWebhooks:
    """Makes webhooks, and reads genuine ones."""

    _webhook_secret: bytes | None

    def webhook(self, invoice_id: str) -> tuple[dict[str, str], bytes]:
        """The headers and the body of a genuine webhook about an invoice."""
        body = json.dumps({"invoice_id": invoice_id}).encode()
        return {SIGNATURE_HEADER: self._signature(body)}, body

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> tuple[c.Hint, ...]:
        """The invoice that a webhook is about.

        Raises:
            WebhookRefused: when it is not genuine or not readable.
        """
        given = {name.lower(): value for name, value in headers.items()}.get(SIGNATURE_HEADER, "")
        if not self._webhook_secret or not hmac.compare_digest(
            given.encode(errors="replace"), self._signature(body).encode()
        ):
            raise WebhookRefused("the signature does not fit")
        try:
            invoice_id = json.loads(body)["invoice_id"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise WebhookRefused("there is no invoice_id in it") from None
        if not isinstance(invoice_id, str):
            raise WebhookRefused("the invoice_id is not a text")
        return (c.Hint(invoice_id),)

    def _signature(self, body: bytes) -> str:
        if not self._webhook_secret:
            raise InvalidConfiguration("the sandbox has no webhook_secret")
        return hmac.digest(self._webhook_secret, body, "sha256").hex()
