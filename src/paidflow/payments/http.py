"""HTTP to a gateway: a request, and what may be concluded from what became of it. Needs httpx.

A request that certainly never arrived is ``NotSent``; one that may have arrived is ``Unknown``, or
``Unreachable`` if it only asked. Nothing is ever sent twice from here, and no redirect is followed.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from paidflow.payments.contract import NotSent, Unknown, Unreachable
from paidflow.secure_url import secure_url

ANSWER_BYTES_MAX = 8 * 1024 * 1024
"""A longer answer counts as one that nobody understands."""

_NEVER_SENT = (
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError),
    *(httpx.UnsupportedProtocol, httpx.LocalProtocolError),
)
_REFUSED_AT_THE_DOOR = {
    401: "is not accepted",
    403: "does not allow this",
    407: "is not accepted by a proxy",
}
_TOO_MANY = 429
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SettingNames:
    """How the settings of a gateway are called, for errors that say which one to look at.

    Args:
        url: the setting with its address.
        credentials: the setting with the key, token or macaroon.
        certificate: the setting with the certificate that it is known by.
    """

    url: str = "url"
    credentials: str = "api_key"
    certificate: str = "url"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a gateway answered.

    Args:
        status: the status of HTTP; what it means, the adapter knows.
        body: the JSON in it, fractions as ``Decimal``; ``None`` if it was no JSON.
    """

    status: int
    body: object = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether the status says that it worked."""
        return 200 <= self.status < 300

    def read(self, model: type[_Model]) -> _Model | None:
        """The body as a model; ``None`` if it does not fit."""
        try:
            return model.model_validate(self.body)
        except ValidationError:
            return None


@dataclass(frozen=True, slots=True)
class RawReply:
    """What a gateway answered, as it came.

    Args:
        status: the status of HTTP.
        headers: those of the answer.
        content: the body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """There is no answer.

    Args:
        reason: what went wrong.
        arrived: whether the request can have arrived.
    """

    reason: str
    arrived: bool


class GatewayHttp:
    """A client of one gateway; may be shared by threads.

    Args:
        url: the address that all paths are below; https, or http on this machine or to an onion.
        headers: sent with each request, the credentials among them.
        settings: how the settings are called.
        timeout_s: how long to wait for a connection, for the next part of an answer, and for all
            of it.
        certificate: what the gateway's certificate is checked with; the public ones if ``None``.
        statuses: statuses of 500 and above that are this gateway's ordinary way to say no, and so
            are replies; all others of them mean that nobody knows what happened.

    Raises:
        InvalidConfiguration: when the address does not fit.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        settings: SettingNames,
        timeout_s: float = 10.0,
        certificate: ssl.SSLContext | None = None,
        statuses: frozenset[int] = frozenset(),
    ) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._statuses = statuses
        self._url = secure_url(url, settings.url, onion=True)
        self._client = httpx.Client(
            base_url=self._url,
            headers=dict(headers),
            timeout=timeout_s,
            verify=certificate or True,
            follow_redirects=False,
            trust_env=False,
        )

    def __repr__(self) -> str:
        return f"GatewayHttp(host={self._url.host!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def ask(
        self,
        path: str,
        params: Mapping[str, str | int] | None = None,
        *,
        first_line: bool = False,
    ) -> Reply | Unreachable:
        """Ask for something that changes nothing.

        Args:
            path: below the address.
            params: the query.
            first_line: take the first line of a stream for the answer, and hang up.
        """
        told = self._request("GET", path, params=params, first_line=first_line)
        return told if isinstance(told, Reply) else Unreachable(told.reason)

    def command(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        first_line: bool = False,
    ) -> Reply | NotSent | Unknown:
        """Ask for something that changes something, once.

        Args:
            method: of HTTP, such as ``POST``.
            path: below the address.
            body: sent as JSON.
            headers: for this request, such as an idempotency key.
            first_line: take the first line of a stream for the answer, and hang up.
        """
        told = self._request(method, path, body=body, headers=headers, first_line=first_line)
        if isinstance(told, Reply):
            return told
        return Unknown(told.reason) if told.arrived else NotSent(told.reason)

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        first_line: bool = False,
    ) -> Reply | Failure:
        told = self.exchange(
            method, path, params=params, body=body, headers=headers, first_line=first_line
        )
        if isinstance(told, Failure):
            return told
        read = _json(told.content)
        if read is None and (200 <= told.status < 300 or told.status >= 500):
            return Failure("an answer that nobody understands", arrived=True)
        return Reply(told.status, read)

    def exchange(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: object = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        first_line: bool = False,
    ) -> RawReply | Failure:
        """One request and its raw answer; a vendor's library may have written and may read them.

        Args:
            method: of HTTP, such as ``POST``.
            path: below the address, or a whole address.
            params: the query.
            body: sent as JSON.
            content: instead of it, what is sent as it is.
            headers: for this request.
            first_line: take the first line of a stream for the answer, and hang up.
        """
        try:
            with self._client.stream(
                method,
                path,
                params=dict(params) if params else None,
                json=body,
                content=content,
                headers=dict(headers or {}),
            ) as answer:
                if refused := self._refused(answer.status_code):
                    return Failure(refused, arrived=False)
                return self._raw(answer, first_line)
        except _NEVER_SENT as error:
            return Failure(self._no_connection(error), arrived=False)
        except (httpx.InvalidURL, UnicodeEncodeError):
            return Failure("there is no way to write this request", arrived=False)
        except httpx.HTTPError as error:
            return Failure(f"{type(error).__name__}: the answer did not come", arrived=True)

    def _refused(self, status: int) -> str | None:
        """Why a request was sent away before anybody looked at it."""
        if said := _REFUSED_AT_THE_DOOR.get(status):
            return f"{self._settings.credentials} {said} (status {status})"
        if status == _TOO_MANY:
            return "too many requests (status 429)"
        if 300 <= status < 400:
            return f"{self._settings.url} leads somewhere else (status {status})"
        return None

    def _raw(self, answer: httpx.Response, first_line: bool) -> RawReply | Failure:
        status = answer.status_code
        if status >= 500 and status not in self._statuses:
            return Failure(f"status {status}", arrived=True)
        content = self._content(answer, first_line)
        if content is None:
            return Failure("the answer is too long, or too slow", arrived=True)
        return RawReply(status, answer.headers, content)

    def _content(self, answer: httpx.Response, first_line: bool) -> bytes | None:
        give_up_at = time.monotonic() + self._timeout_s
        content = bytearray()
        for part in answer.iter_bytes():
            content += part
            if len(content) > ANSWER_BYTES_MAX or time.monotonic() > give_up_at:
                return None
            if first_line and b"\n" in part:
                return bytes(content.partition(b"\n")[0])
        return bytes(content)

    def _no_connection(self, error: httpx.HTTPError) -> str:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return f"{self._settings.certificate} does not fit the gateway's certificate"
            if isinstance(cause, ssl.SSLError):
                return f"{self._settings.url} does not speak TLS as it should"
            cause = cause.__cause__ or cause.__context__
        return f"there is no connection to {self._settings.url} ({type(error).__name__})"


def _json(content: bytes) -> object:
    try:
        return json.loads(content, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def _no_number(name: str) -> object:
    raise ValueError(name)
