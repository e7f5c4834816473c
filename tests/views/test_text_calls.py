"""What is found in texts, and what is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paidflow.views.text_calls import MENTIONS_MAX, delete_in, linked_items, mentions, remind_in

ITEM = "01b8dac5-b400-71cc-9503-40ccea7803ee"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@bob", ["bob"]),
        ("(@bob), @carol. @bob!", ["bob", "carol"]),
        ("@ann-marie.d and @ünal", ["ann-marie.d", "ünal"]),
        ("bob@example.com, a/@bob, @@bob, @ bob", []),
        ("@delete in 5 minutes, @RemindMe in 2 days", []),
        ("", []),
    ],
)
def test_mentions(text: str, names: list[str]) -> None:
    assert mentions(text) == names


def test_no_more_than_so_many_are_told() -> None:
    names = mentions(" ".join(f"@bob{n}" for n in range(1000)))
    assert names == [f"bob{n}" for n in range(MENTIONS_MAX)]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (f"see https://forum.example.com/items/{ITEM}?by=ann", [ITEM]),
        (f"/items/{ITEM} and again /items/{ITEM}", [ITEM]),
        (f"/items/{ITEM}.1", [f"{ITEM}.1"]),
        (f"/items/{ITEM}0", []),
        (f"/item/{ITEM}", []),
    ],
)
def test_links(text: str, ids: list[str]) -> None:
    assert linked_items(text) == ids


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("bye @delete in 5 minutes", timedelta(minutes=5)),
        ("@delete in 1 hour. No: @DELETE in 2 Days", timedelta(days=2)),
        ("@delete  in\t3 weeks", timedelta(weeks=3)),
        ("@delete in 1 month", timedelta(days=30)),
        ("@delete in 999999 years", timedelta(days=365 * 999_999)),
        ("@delete in 0 seconds", timedelta(0)),
        ("@delete in 1000000 years", None),
        ("@delete in -1 days", None),
        ("@delete in 5 minutesque", None),
        ("@delete in five minutes", None),
        ("a@delete in 5 minutes", None),
        ("@remindme in 5 minutes", None),
    ],
)
def test_delete_and_remind(text: str, after: timedelta | None) -> None:
    assert delete_in(text) == after
    swapped = text.lower().replace("remindme", "x").replace("delete", "remindme")
    assert remind_in(swapped) == after
