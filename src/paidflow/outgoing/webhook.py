"""Webhooks: signed HTTP requests as Standard Webhooks describes them. Needs ``paidflow[webhooks]``.

What a receiver answers is not believed beyond its status: 2xx acknowledges, 410 means that it
wants no more, and everything else, silence too, means that it is sent again with the same id.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import httpx

from paidflow.outgoing.message import Message
from paidflow.outgoing.outcome import Acknowledged, Gone, NotAcknowledged, Outcome
from paidflow.outgoing.signature import Signer
from paidflow.outgoing.subscriber import Subscriber
from paidflow.secure_url import secure_url
from paidflow.states.events import Event

ANSWER_BYTES_MAX = 64 * 1024
"""How much of an answer is read, only so that the connection can be used again."""

RETRY_AFTER_S_MAX = 86_400
_GONE = 410


class Webhook(Subscriber):
    """A subscriber behind a URL.

    Args:
        name: its name in the database, for ever.
        url: where to; https, or http on this machine.
        secrets: what it is signed with, each ``whsec_`` and base64; all of them sign.
        events: the events that it wants; a parent stands for its children.
        timeout_s: how long to wait for a connection, and then for each part of the answer.
        client: the HTTP client, for proxies and certificates of one's own.

    Raises:
        InvalidConfiguration: when the URL or a secret does not fit.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        secrets: Sequence[str],
        events: Sequence[type[Event]] = (Event,),
        timeout_s: float = 20.0,
        client: httpx.Client | None = None,
    ) -> None:
        super().__init__(name, events)
        self._url = secure_url(url, f"the URL of {name}")
        self._signer = Signer(secrets)
        self._timeout_s = timeout_s
        self._client = client or httpx.Client(trust_env=False)

    def __repr__(self) -> str:
        # A URL may hold a secret in its path.
        return f"Webhook({self.name!r}, host={self._url.host!r})"

    def deliver(self, message: Message, now: datetime) -> Outcome:
        """Send it once. A timeout says nothing: it may have arrived."""
        body = message.body()
        headers = self._signer.headers(message.id, body, now)
        headers |= {"content-type": "application/json", "user-agent": "paidflow"}
        try:
            with self._client.stream(
                "POST",
                self._url,
                content=body,
                headers=headers,
                timeout=self._timeout_s,
                follow_redirects=False,
            ) as answer:
                self._read_some(answer)
                return _outcome(answer)
        except httpx.HTTPError as error:
            return NotAcknowledged(type(error).__name__)

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def _read_some(self, answer: httpx.Response) -> None:
        """Read a short answer; leave a long or slow one, which costs only the connection."""
        give_up_at = time.monotonic() + self._timeout_s
        size = 0
        try:
            for part in answer.iter_raw():
                size += len(part)
                if size > ANSWER_BYTES_MAX or time.monotonic() > give_up_at:
                    return
        except httpx.HTTPError:
            return  # the status is there, and it is all that counts


def _outcome(answer: httpx.Response) -> Outcome:
    if answer.is_success:
        return Acknowledged()
    if answer.status_code == _GONE:
        return Gone(str(_GONE))
    asked = answer.headers.get("retry-after", "")
    retry_after_s = min(int(asked), RETRY_AFTER_S_MAX) if asked.isdecimal() else 0
    return NotAcknowledged(str(answer.status_code), retry_after_s)
