"""A test that waits in vain fails, and says why."""

from __future__ import annotations

import pytest

from tests.waiting import wait_until


def test_it_is_asked_again_until_it_is_true() -> None:
    left = [3]

    def lower() -> None:
        left[0] -= 1

    wait_until(lambda: left[0] == 0, meanwhile=lower)
    assert left == [0]


def test_in_vain() -> None:
    with pytest.raises(AssertionError, match="nobody comes"):
        wait_until(lambda: False, "nobody comes", limit_s=0)


def test_what_is_true_needs_no_time() -> None:
    wait_until(lambda: True, limit_s=0)
