"""Calls of Stripe's API through its SDK, and what may be concluded from what became of them.

The SDK builds the requests and reads the answers; ``http.py`` sends them, so that they are sorted
as those of all gateways. Nothing is ever sent twice from here: the SDK is told not to.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import stripe
from pydantic import BaseModel, ValidationError

from paidflow.payments.contract import Declined, NotSent, Unknown, Unreachable
from paidflow.payments.http import Failure, GatewayHttp

API_VERSION = "2026-10-28.endive"
"""The version of the API that answers are read as; the account's own default does not matter."""

_CODE = re.compile(r"[a-z_]{1,60}")
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Refused:
    """Stripe said no, and did nothing.

    Args:
        code: Stripe's short word for why.
        payment_status: how the payment stands that it is about, if it says so.
    """

    code: str
    payment_status: str | None = None


class NotAnswered(Exception):
    """There is no answer; goes through the SDK, which does not know it."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.reason)


class StripeTransport(stripe.HTTPClient):
    """Sends what the SDK has written.

    Args:
        http: to send it with.
    """

    name: ClassVar[str] = "paidflow"

    def __init__(self, http: GatewayHttp) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]  (an argument has no type)
        self._http = http

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send one request.

        Raises:
            NotAnswered: when there is no answer.
        """
        content = post_data.encode() if post_data else None
        told = self._http.exchange(method.upper(), url, content=content, headers=headers)
        if isinstance(told, Failure):
            raise NotAnswered(told)
        return told.content.decode(errors="replace"), told.status, told.headers

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()


def client_of(api_key: str, url: str, http: GatewayHttp) -> stripe.StripeClient:
    """The SDK's client for one account.

    Args:
        api_key: the secret key of the account.
        url: where the API is.
        http: to send requests with.
    """
    logging.getLogger("stripe").addFilter(_no_texts)
    return stripe.StripeClient(
        api_key,
        base_addresses={"api": url},
        http_client=StripeTransport(http),
        max_network_retries=0,
        stripe_version=API_VERSION,
    )


def call(work: Callable[[], Any], model: type[_Model]) -> _Model | Refused | Failure:
    """Make a call, and sort what became of it.

    Args:
        work: the call of the SDK.
        model: what its answer is read as.
    """
    try:
        return model.model_validate(work().to_dict())
    except NotAnswered as error:
        return error.failure
    except stripe.StripeError as error:
        return _sorted(error)
    except UnicodeEncodeError:
        return Failure("there is no way to write this request", arrived=False)
    except (ValidationError, AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return Failure("an answer that nobody understands", arrived=True)


def as_outcome(failure: Refused | Failure) -> Declined | NotSent | Unknown:
    """What a command came to."""
    if isinstance(failure, Refused):
        return Declined(failure.code)
    return Unknown(failure.reason) if failure.arrived else NotSent(failure.reason)


def as_unsent(failure: Refused | Failure) -> NotSent:
    """What a command came to that was not sent, because what has to be known before is not."""
    return NotSent(_reason(failure))


def as_unreachable(failure: Refused | Failure) -> Unreachable:
    """What a question came to."""
    return Unreachable(_reason(failure))


def _reason(failure: Refused | Failure) -> str:
    return failure.code if isinstance(failure, Refused) else failure.reason


def _sorted(error: stripe.StripeError) -> Refused | Failure:
    """Stripe's own sentences stay out: they may quote what was sent."""
    status = error.http_status
    if isinstance(error, stripe.RateLimitError):
        return Failure("too many requests", arrived=False)
    refuses = (stripe.CardError, stripe.InvalidRequestError, stripe.IdempotencyError)
    if not isinstance(error, refuses):
        # 409 among them: the same command is being carried out.
        return Failure(f"status {status}", arrived=True)
    said = _CODE.fullmatch(error.code or "")
    usual = "idempotency_error" if isinstance(error, stripe.IdempotencyError) else "refused"
    return Refused(said[0] if said else usual, _payment_status(error.json_body))


def _payment_status(body: object) -> str | None:
    match body:
        case {"error": {"payment_intent": {"status": str(status)}}}:
            return status
        case _:
            return None


def _no_texts(record: logging.LogRecord) -> bool:
    """The SDK logs answers with client secrets at DEBUG, and Stripe's sentences at INFO."""
    return record.levelno >= logging.WARNING
