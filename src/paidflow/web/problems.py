"""Errors as ``application/problem+json`` (RFC 9457): a code, a sentence, whether retrying helps."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from paidflow import errors as e

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

# The nearest class that an error is an instance of decides; what is not here is our own fault.
_STATUS: dict[type[e.PaidflowError], int] = {
    e.ActionNotFound: 404,
    e.UnknownAction: 404,
    e.LoginRequired: 401,
    e.InsufficientFunds: 402,
    e.Conflict: 409,
    e.ClaimTaken: 409,
    e.PaymentUsed: 409,
    e.TooManyOpenInvoices: 429,
    e.GatewayUnavailable: 503,
    e.QuoteUnavailable: 503,
    e.CommitUnknown: 503,
    e.ViewsBehind: 503,
    e.GatewayRefused: 502,
    e.WeakIdempotencyKey: 400,
    e.WebhookRefused: 400,
    e.IdempotencyMismatch: 422,
    e.InvalidAmount: 422,
    e.InvalidArguments: 422,
    e.InvalidDestination: 422,
    e.CurrencyMismatch: 422,
    e.NegativeCost: 422,
    e.NoFunding: 422,
    e.Refused: 422,
    e.ApplicationRowsRefused: 422,
    e.PayloadErased: 410,
    e.NothingToClaim: 409,
}


class Problem(BaseModel):
    """What went wrong, as RFC 9457 describes it.

    Args:
        type: which problem it is.
        title: the sentence of its class.
        status: the status of the answer.
        detail: the sentence for people, with what is special this time.
        code: the short name of the problem.
        retryable: whether the same request can work later.
        fields: what is wrong with which field of the request.
    """

    model_config = ConfigDict(frozen=True)

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool = False
    fields: dict[str, str] = Field(default_factory=dict)


class Stopped(Exception):
    """A request goes no further.

    Args:
        said: why.
    """

    def __init__(self, said: Problem) -> None:
        super().__init__(said.detail)
        self.said = said


class ProblemRoute(APIRoute):
    """A route whose errors are problems, whatever the application does with its own."""

    @staticmethod
    def say(said: Problem) -> Response:
        """What is answered."""
        return answer(said)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route, with its errors caught."""
        handler = super().get_route_handler()

        async def caught(request: Request) -> Response:
            try:
                return await handler(request)
            except e.PaidflowError as error:
                return self.say(problem_of(error))
            except Stopped as stopped:
                return self.say(stopped.said)
            except RequestValidationError as error:
                return self.say(_not_valid(error))

        return caught


def problem(status: int, code: str, title: str, *, retryable: bool = False) -> Problem:
    """A problem that is none of the flow, such as a request that is too long."""
    return Problem(
        type=f"urn:paidflow:problem:{code}",
        title=title,
        status=status,
        detail=title,
        code=code,
        retryable=retryable,
    )


def problem_of(error: e.PaidflowError) -> Problem:
    """What an error becomes; one of the program's own making says nothing of its inside."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
    if status == 500:
        return problem(500, "internal_error", "Something went wrong here; it was not your fault.")
    title = (type(error).__doc__ or "").strip()
    said = problem(status, error.code, title, retryable=error.retryable)
    fields = {error.field: error.detail} if isinstance(error, e.InvalidField) else {}
    return said.model_copy(update={"detail": str(error), "fields": fields})


def answer(said: Problem) -> JSONResponse:
    """A problem as an answer."""
    body = said.model_dump(mode="json")
    return JSONResponse(body, said.status, headers=retry_headers(said), media_type=MEDIA_TYPE)


def retry_headers(said: Problem) -> dict[str, str]:
    """When the same request may be sent again, if that can help."""
    return {"retry-after": str(RETRY_AFTER_S)} if said.retryable else {}


def _not_valid(error: RequestValidationError) -> Problem:
    """Which fields are wrong, without what was in them: that may be a secret."""
    fields = {".".join(map(str, found["loc"])): str(found["msg"]) for found in error.errors()}
    said = problem(422, "invalid_arguments", (e.InvalidArguments.__doc__ or "").strip())
    return said.model_copy(update={"fields": fields})
