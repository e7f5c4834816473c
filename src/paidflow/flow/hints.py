"""What a webhook is about, as the gateway's adapter reads it; nobody is asked for that."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from paidflow.errors import InvalidArguments, WebhookRefused
from paidflow.flow.registry import check_text
from paidflow.payments.contract import Capability, Declined, Gateway, Unknown

logger = logging.getLogger("paidflow.webhooks")

HINTS_MAX = 100
ID_CHARACTERS_MAX = 255
"""How many invoices one webhook may name, and how long their names may be."""


def hints(
    name: str, gateway: Gateway, headers: Mapping[str, str], body: bytes
) -> tuple[str, ...] | Declined | Unknown:
    """The invoices that a webhook is about, each once.

    Args:
        name: the gateway's name, for the log.
        gateway: the gateway.
        headers: those of the request.
        body: its bytes.

    Returns:
        ``Declined`` if it is not genuine or makes no sense; ``Unknown`` if the adapter raised what
        it should not raise, so that perhaps a newer one can read it.
    """
    if Capability.WEBHOOKS not in gateway.profile.capabilities:
        return Declined("this gateway sends no webhooks")
    try:
        found = [hint.invoice_id for hint in gateway.parse_webhook(headers, body)]
    except WebhookRefused as error:
        return Declined(error.detail)
    except (RecursionError, UnicodeError) as error:  # what only somebody who is up to no good sends
        return Declined(type(error).__name__)
    except Exception as error:
        # Only the type: the text may hold what was sent.
        logger.warning("gateway %s: parse_webhook raised %s", name, type(error).__name__)
        return Unknown(type(error).__name__)
    invoice_ids = tuple(dict.fromkeys(found)) if all(map(_can_be_an_id, found)) else None
    if invoice_ids is None or len(invoice_ids) > HINTS_MAX:
        return Declined("it names invoices that cannot be")
    return invoice_ids


def _can_be_an_id(invoice_id: object) -> bool:
    try:
        check_text("an invoice", invoice_id)
    except InvalidArguments:
        return False
    return len(str(invoice_id)) <= ID_CHARACTERS_MAX
