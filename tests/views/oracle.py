"""What every view must show, worked out from the truth in the most naive way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import log10
from typing import Any

from paidflow import PaidFlow, Reader, State
from paidflow.forum import Items, Notifications, Polls, Profiles, Threads
from paidflow.views.threads import Branch
from tests.moves import PEOPLE, TERRITORIES, VIEWERS, WORDS
from tests.truth import Truth
from tests.views.oracle_of_money import compared_money, compared_territories
from tests.views.oracle_of_opinions import compared_opinions

ALL = 1000
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def differences(flow: PaidFlow, reader: Reader, truth: Truth) -> list[str]:
    """Where what is shown is not what is true."""
    lines = [("everybody", *line) for line in compared_territories(flow, reader, truth)]
    lines += [("everybody", *line) for line in compared_opinions(flow, reader, truth)]
    for viewer in VIEWERS:
        lines += [(str(viewer), *line) for line in _compared(reader, truth, viewer)]
        lines += [(str(viewer), *line) for line in compared_money(flow, reader, truth, viewer)]
    return [
        f"{what} for {viewer}: {shown}, not {true}"
        for viewer, what, shown, true in lines
        if shown != true
    ]


def _compared(reader: Reader, truth: Truth, viewer: str | None) -> Iterator[tuple[str, Any, Any]]:
    items = Items(reader)
    seen = [i for i in truth.seen_items(viewer) if truth.items[i]["deleted_at"] is None]
    posts = [i for i in seen if truth.items[i]["parent_id"] is None]
    yield "recent", _ids(items.recent(viewer=viewer, limit=ALL)), sorted(posts)
    yield "hot", _ids(items.hot(viewer=viewer, limit=ALL)), sorted(posts)
    paid = [i for i in posts if truth.items[i]["paid_at"] is not None]
    top = items.top(viewer=viewer, since=BEGINNING, limit=ALL)
    yield "top", _ids(top), sorted(paid)
    for item_id in truth.items:
        yield from _item(reader, truth, viewer, item_id)
    for person in PEOPLE:
        theirs = [i for i in truth.seen_items(viewer) if truth.items[i]["author"] == person]
        shown = items.by_author(person, viewer=viewer, limit=ALL)
        yield f"items of {person}", _ids(shown), sorted(theirs)
        yield from _profile(reader, truth, viewer, person)
    for name in TERRITORIES:
        there = [i for i in posts if truth.items[i]["territory"] == name]
        shown = items.by_territory(name, viewer=viewer, limit=ALL)
        yield f"posts in {name}", _ids(shown), sorted(there)
    for word in WORDS:
        shown = items.search(word, viewer=viewer, limit=ALL)
        yield f"search for {word}", _ids(shown), sorted(i for i in seen if _says(truth, i, word))
    for number in (*range(5), 9):
        url = f"https://example.com/{number}"
        same = [i for i in seen if truth.items[i]["url"] == url]
        yield "duplicates", _ids(items.duplicates(url, viewer=viewer, limit=ALL)), sorted(same)
    if viewer is not None:
        yield from _notifications(reader, truth, viewer)


def _item(
    reader: Reader, truth: Truth, viewer: str | None, item_id: str
) -> Iterator[tuple[str, Any, Any]]:
    """One item with its counters, and the tree below it."""
    item = Items(reader).one(item_id, viewer=viewer)
    yield f"whether {item_id} is there", item is not None, truth.seen(item_id, viewer)
    tree = Threads(reader).tree(item_id, viewer=viewer, limit=ALL)
    chain = (item_id, *truth.above(item_id))
    whole = all(truth.seen(i, viewer) for i in chain)
    yield f"whether the tree of {item_id} is there", tree is not None, whole
    if item is None:
        return
    true = counters(truth, item_id)
    yield f"the counters of {item_id}", {name: int(item[name]) for name in true}, true
    own = sum(
        row["amount_msats"]
        for row in truth.acts
        if (row["act"], row["item_id"], row["actor"]) == ("zap", item_id, viewer)
        and truth.states[row["id"]] not in (State.FAILED, State.REFUNDED, State.DISPUTED)
    )
    yield f"own zaps of {item_id}", int(item["own_zapped_msats"]), own if viewer else 0
    if tree is not None:
        below = [
            i
            for i in truth.below(item_id)
            if all(truth.seen(j, viewer) for j in (i, *truth.above(i)))
        ]
        yield f"the tree of {item_id}", sorted(_flat(tree)), sorted((item_id, *below))
    if item["kind"] == "poll":
        poll = Polls(reader).one(item_id, viewer=viewer)
        assert poll is not None
        votes = sum(option.votes for option in poll.options)
        yield f"the votes of {item_id}", votes, truth.ballots.get(item_id, 0)


def counters(truth: Truth, item_id: str) -> dict[str, int]:
    """What everybody sees of an item in numbers."""
    zaps, below = truth.paid_by("zap", item_id), truth.below(item_id)
    return {
        "comments": sum(truth.real(i) for i in below),
        "comments_zapped_msats": sum(sum(truth.paid_by("zap", i).values()) for i in below),
        "zappers": sum(1 for person in zaps if person is not None),
        "zapped_msats": sum(zaps.values()),
        "downzapped_msats": sum(truth.paid_by("downzap", item_id).values()),
        "boosted_msats": sum(truth.paid_by("boost", item_id).values()),
        "votes_millionths": sum(
            round(1_000_000 * log10(amount // 1000)) for person, amount in zaps.items() if person
        ),
    }


def _profile(
    reader: Reader, truth: Truth, viewer: str | None, person: str
) -> Iterator[tuple[str, Any, Any]]:
    profile = Profiles(reader).one(person, viewer=viewer)
    theirs = [i for i, row in truth.items.items() if row["author"] == person and truth.real(i)]
    comments = [i for i in theirs if truth.items[i]["kind"] == "comment"]
    bios = [i for i in theirs if truth.items[i]["kind"] == "bio"]
    true = len(theirs) - len(comments) - len(bios), len(comments)
    yield f"the counts of {person}", (profile.posts, profile.comments), true
    pending = bool(profile.pending)
    yield f"whether the debts of {person} show", pending and viewer != person, False


def _notifications(reader: Reader, truth: Truth, viewer: str) -> Iterator[tuple[str, Any, Any]]:
    """Nothing is told of what the viewer cannot see, but for what he has named himself."""
    for line in Notifications(reader).page(viewer, limit=ALL):
        if line.failed is not None:
            yield f"a {line}", truth.actors[line.failed], viewer
            continue
        named = [
            value for value in vars_of(line) if isinstance(value, str) and value in truth.states
        ]
        for action_id in named:
            yield f"a {line} about {action_id}", truth.seen(action_id, viewer), True


def vars_of(line: object) -> list[Any]:
    """The values of a dataclass."""
    return [getattr(line, name) for name in getattr(type(line), "__dataclass_fields__", {})]


def _ids(rows: Sequence[Any]) -> list[str]:
    return sorted(row["id"] for row in rows)


def _says(truth: Truth, item_id: str, word: str) -> bool:
    row = truth.items[item_id]
    return word in f"{row['title'] or ''} {row['text'] or ''}"


def _flat(branch: Branch) -> Iterator[str]:
    yield branch.item["id"]
    for answer in branch.answers:
        yield from _flat(answer)
