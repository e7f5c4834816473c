"""The REST interface of lnd: what it answers, and what its errors mean. Needs httpx.

lnd says most errors with status 500 and a text (lnd 0.20.1, ``rpcserver.go``), so the text decides:
an error that this module does not know means that nobody knows what has happened.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from paidflow.errors import InvalidConfiguration
from paidflow.payments import macaroon as macaroons
from paidflow.payments.contract import (
    Accepted,
    CommandOutcome,
    Declined,
    NotFound,
    NotSent,
    Unknown,
    Unreachable,
)
from paidflow.payments.http import GatewayHttp, Reply, SettingNames
from paidflow.payments.lnd_messages import Info

Model = TypeVar("Model", bound=BaseModel)

_HEADER = "Grpc-Metadata-macaroon"
_SETTINGS = SettingNames(url="url", credentials="macaroon", certificate="tls_certificate")
_ERRORS = frozenset({500, 501})
"""lnd answers its own errors with these; 502 to 504 come from something in between."""

_MACAROON_REFUSED = (
    *("verification failed", "cannot get macaroon"),
    *("cannot determine data format", "invalid ID", "expected 1 macaroon"),
    *("empty macaroon data", "unknown macaroon version"),
)
_NOT_READY = (
    *("waiting to start", "wallet locked", "wallet not created", "RPC server is in the process"),
    *("server is still in the process", "wallet already unlocked"),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The node has said no; its text is for decisions, and never shown."""

    status: int
    text: str = field(repr=False)

    def says(self, *parts: str) -> bool:
        """Whether one of these is in the text."""
        return any(part in self.text for part in parts)


class LndClient:
    """A connection to one node; may be shared by threads.

    Args:
        url: the address of its REST interface.
        macaroon: hexadecimal, or the file that lnd has written.
        tls_certificate: the certificate of the node, as text or a file; ``None`` if it has one that
            everybody trusts.
        timeout_s: how long to wait for an answer.

    Raises:
        InvalidConfiguration: when a setting cannot be read.
    """

    def __init__(
        self,
        url: str,
        *,
        macaroon: str | Path,
        tls_certificate: str | Path | None,
        timeout_s: float,
    ) -> None:
        self._macaroon = _macaroon(macaroon)
        self._http = GatewayHttp(
            url,
            headers={_HEADER: self._macaroon.hex()},
            settings=_SETTINGS,
            timeout_s=timeout_s,
            certificate=_trusting(tls_certificate),
            statuses=_ERRORS,
        )

    def __repr__(self) -> str:
        return f"LndClient({self._http!r})"

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def ask(
        self,
        path: str,
        model: type[Model],
        params: Mapping[str, str | int] | None = None,
        *,
        first_line: bool = False,
    ) -> Model | NotFound | Unreachable:
        """Ask for something that changes nothing; an answer of another form is none.

        Args:
            path: below the address.
            model: the form of the answer.
            params: the query.
            first_line: take the first message of a stream for the answer.
        """
        reply = self._http.ask(path, params, first_line=first_line)
        if isinstance(reply, Unreachable):
            return reply
        if reply.ok:
            return reply.read(model) or Unreachable("an answer that nobody understands")
        if why := _turned_away(_refusal(reply)):
            return Unreachable(why)
        return NotFound() if reply.status == 404 else Unreachable(f"status {reply.status}")

    def height(self) -> int | Unreachable:
        """The block height that the node knows of."""
        info = self.ask("/v1/getinfo", Info)
        if isinstance(info, NotFound):
            return Unreachable("the node says nothing of itself")
        return info if isinstance(info, Unreachable) else info.block_height

    def command(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        only_before: datetime | None = None,
        first_line: bool = False,
    ) -> Reply | Refusal | NotSent | Unknown:
        """Ask for something that changes something, once.

        Args:
            path: below the address.
            body: sent as JSON.
            only_before: the node refuses it from this moment on, UTC.
            first_line: take the first message of a stream for the answer.
        """
        headers: dict[str, str] = {}
        if only_before is not None:
            headers[_HEADER] = macaroons.valid_until(self._macaroon, only_before).hex()
        reply = self._http.command("POST", path, body, headers=headers, first_line=first_line)
        if not isinstance(reply, Reply) or reply.ok:
            return reply
        refusal = _refusal(reply)
        why = _turned_away(refusal)
        return refusal if why is None else NotSent(why)


def outcome(
    reply: Reply | Refusal | NotSent | Unknown,
    *,
    declined: tuple[str, ...],
    done: str | None = None,
) -> CommandOutcome:
    """What became of a command.

    Args:
        reply: what the node answered.
        declined: what it says when it has done nothing.
        done: what it says when the command was carried out before.
    """
    match reply:
        case Reply():
            return Accepted()
        case Refusal() if done is not None and reply.says(done):
            return Accepted()
        case Refusal() if reply.says(*declined):
            return Declined("the node refuses it")
        case Refusal():
            return Unknown(f"status {reply.status}")
        case _:
            return reply


def _turned_away(refusal: Refusal) -> str | None:
    """Why the node has not even looked at a request; ``None`` if it has."""
    if refusal.says("macaroon has expired"):
        return "macaroon has expired"
    if refusal.says("permission denied"):
        return "macaroon does not allow this"
    if refusal.says(*_MACAROON_REFUSED):
        return "macaroon is not one of this node"
    if refusal.says(*_NOT_READY):
        return "the node is starting, or its wallet is locked"
    return None


class _Error(BaseModel):
    message: str


class _StreamError(BaseModel):
    error: _Error


def _refusal(reply: Reply) -> Refusal:
    said = reply.read(_Error)
    if said is None and (streamed := reply.read(_StreamError)) is not None:
        said = streamed.error
    return Refusal(reply.status, said.message if said else "")


def _macaroon(given: str | Path) -> bytes:
    if isinstance(given, Path):
        return macaroons.checked(_read(given, "macaroon"))
    try:
        return macaroons.checked(bytes.fromhex(given))
    except ValueError:
        raise InvalidConfiguration("macaroon is not hexadecimal") from None


def _trusting(given: str | Path | None) -> ssl.SSLContext | None:
    """What checks that the node is the right one: nobody but this certificate is trusted."""
    if given is None:
        return None
    text = _read(given, "tls_certificate").decode() if isinstance(given, Path) else given
    try:
        return ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError):
        raise InvalidConfiguration("tls_certificate is not a certificate") from None


def _read(file: Path, setting: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        raise InvalidConfiguration(f"{setting} names no file that can be read") from None
