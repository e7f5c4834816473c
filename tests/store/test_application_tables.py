"""Tables that actions bring along."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from paidflow import CREDITS, PaidFlow
from paidflow.actions.contract import PaidAction, Tables
from paidflow.errors import InvalidConfiguration, MissingTables, OlderTables
from paidflow.money import Money, sats
from paidflow.store.application_tables import create_tables
from tests.wall import SECRET


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with the first table of a shop."""
    folder = tmp_path / "shop_tables"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "0001_goods.sql").write_text("create table shop_goods (id text primary key);")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "shop_tables", raising=False)
    return folder


class Buy(PaidAction):
    kind = "buy"
    tables = Tables("shop", "shop_tables")
    funding = (CREDITS,)

    def cost(self, ctx: object) -> Money:
        return sats(1)


def opened(url: str, create: bool) -> PaidFlow:
    return PaidFlow.open(url, actions=[Buy], gateways={}, secret=SECRET, create=create)


def rows(flow: PaidFlow, table: str) -> int:
    with flow.store.reading() as tx:
        return len(tx.execute(f"select * from {table}").fetchall())


@pytest.mark.usefixtures("shop")
def test_they_are_created_with_those_of_paidflow(store_url: str) -> None:
    for _ in range(2):
        with opened(store_url, create=True) as flow:
            assert rows(flow, "shop_goods") == 0
            assert rows(flow, "shop_schema") == 1


def test_new_files_are_run_and_no_old_ones(store_url: str, shop: Path) -> None:
    opened(store_url, create=True).close()
    (shop / "0002_more_sqlite.sql").write_text("create table shop_more (id text);")
    (shop / "0002_more_postgres.sql").write_text("create table shop_more (id uuid);")
    with pytest.raises(OlderTables, match="shop have version 1, needed is 2"):
        opened(store_url, create=False)
    with opened(store_url, create=True) as flow:
        assert rows(flow, "shop_more") == 0
        assert create_tables(flow.store, [Buy.tables or Tables("", "")]) == []


@pytest.mark.usefixtures("shop")
def test_without_them_nothing_opens(store_url: str) -> None:
    PaidFlow.open(store_url, actions=[], gateways={}, secret=SECRET, create=True).close()
    with pytest.raises(MissingTables, match="those of shop"):
        opened(store_url, create=False)


def test_what_fails_leaves_nothing(store_url: str, shop: Path) -> None:
    (shop / "0002_wrong.sql").write_text("create table shop_wrong (id text);\nselect nonsense;")
    with pytest.raises(Exception, match="nonsense"):
        opened(store_url, create=True)
    (shop / "0002_wrong.sql").unlink()
    with opened(store_url, create=True) as flow:
        assert rows(flow, "shop_schema") == 1


@pytest.mark.parametrize("name", ["", "Shop", "shop goods", "x; drop"])
def test_their_name_is_one_of_small_letters(store_url: str, shop: Path, name: str) -> None:
    flow = PaidFlow.open(store_url, actions=[], gateways={}, secret=SECRET, create=True)
    with flow, pytest.raises(InvalidConfiguration, match="small letters"):
        create_tables(flow.store, [Tables(name, "shop_tables")])
