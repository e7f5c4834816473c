"""Requests made from the OpenAPI document of a forum: none is answered with a status of 500."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings

from examples.forum.forum import Forum
from examples.forum.people import person
from paidflow.web import Rate, router

PERSON = "ann"


@pytest.fixture(scope="module")
def document(forum: Forum) -> Any:
    app = FastAPI()
    app.include_router(router(forum.flow, actor=person, rate=Rate("1000000/minute")))
    return schemathesis.openapi.from_asgi("/openapi.json", app).exclude(path_regex="/events$")


def test_no_request_breaks_it(document: Any) -> None:
    operations = [found.ok() for found in document.get_all_operations()]
    assert len(operations) > 30
    for operation in operations:

        @settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None)
        @given(case=operation.as_strategy())
        def breaks_nothing(case: Any) -> None:
            for cookies in ({"person": PERSON}, {}):
                answer = case.call(cookies=cookies)
                assert answer.status_code < 500, (case.as_curl_command(), answer.text)

        breaks_nothing()
