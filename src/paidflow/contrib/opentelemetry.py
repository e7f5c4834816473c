"""Spans of OpenTelemetry for paidflow's calls, transactions and calls of gateways."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager

from opentelemetry import trace

from paidflow import correlation, spans


class _Traced:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, **attributes: str) -> None:
        self._span.set_attributes(_named(attributes))


def instrument(provider: trace.TracerProvider | None = None) -> Callable[[], None]:
    """Make a span of everything that takes time in this process.

    Spans carry names, ids and types. The text of an error is left out: it may hold what must not
    be logged.

    Args:
        provider: where the spans go; the global one by default.

    Returns:
        What ends it.
    """
    tracer = trace.get_tracer("paidflow", tracer_provider=provider)

    @contextmanager
    def traced(name: str, attributes: Mapping[str, str]) -> Generator[_Traced]:
        with tracer.start_as_current_span(
            f"paidflow.{name}",
            attributes=_named({**attributes, **_correlation()}),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _Traced(span)
            except BaseException as error:
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
                raise

    return spans.listen(traced)


def _correlation() -> dict[str, str]:
    current = correlation.current()
    return {} if current is None else {"correlation_id": current}


def _named(attributes: Mapping[str, str]) -> dict[str, str]:
    return {f"paidflow.{key}": value for key, value in attributes.items()}
