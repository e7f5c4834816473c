"""Databases for the sides: a fresh one for each case, or a full one that is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Self

import psycopg

from benchmarks.forum.plan import Shape
from benchmarks.forum.site import Site
from benchmarks.meter import Meter
from benchmarks.sides import side_class
from benchmarks.sides.base import COPIED_ACTORS, Side
from tests.postgres_server import Server


class Databases:
    """Makes databases on one server and drops them.

    Args:
        server: where.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._full: dict[object, str] = {}
        self.meter = Meter(server)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for dsn in self._full.values():
            self._server.drop_database(dsn)
        self._full.clear()

    @contextmanager
    def fresh(self, name: str, threads: int, *, items: int = 1, purses: int = 0) -> Iterator[Side]:
        """A side on an empty database, on a server that has written everything else down.

        Args:
            name: the side.
            threads: how many will use it at once.
            items: how many items it is created with.
            purses: how many purses it is created with.
        """
        dsn = self._server.create_database()
        try:
            with closing(side_class(name)(dsn, threads)) as side:
                side.create(items=items, purses=purses)
                self.write_down()
                yield side
        finally:
            self._server.drop_database(dsn)

    @contextmanager
    def full(
        self, name: str, threads: int, *, events: int, rows: int, actors: int = COPIED_ACTORS
    ) -> Iterator[Side]:
        """A side on a database with a long log; it is filled once and stays until the end.

        Args:
            name: the side.
            threads: how many will use it at once.
            events: how many events the log has, at least.
            rows: how many rows the view has, at least.
            actors: how many people the payments belong to.
        """
        key = (name, events, rows, actors)
        if key not in self._full:
            self._full[key] = self._server.create_database()
            with closing(side_class(name)(self._full[key], threads)) as side:
                side.create(items=1, purses=0)
                side.fill_log(events=events, rows=rows, actors=actors)
        with closing(side_class(name)(self._full[key], threads)) as side:
            self.write_down()
            yield side

    @contextmanager
    def forum(self, shape: Shape) -> Iterator[Site]:
        """A forum with views that are up to date; it is written once and stays until the end."""
        if shape not in self._full:
            self._full[shape] = self._server.create_database()
            with closing(Site(self._full[shape], shape)) as site:
                site.create()
                site.write_views()
        with closing(Site(self._full[shape], shape)) as site:
            self.write_down()
            yield site

    @contextmanager
    def unfolded_forum(self, shape: Shape) -> Iterator[Site]:
        """A forum whose views are still empty."""
        dsn = self._server.create_database()
        try:
            with closing(Site(dsn, shape)) as site:
                site.create()
                self.write_down()
                yield site
        finally:
            self._server.drop_database(dsn)

    def write_down(self) -> None:
        """Let the server write everything to disk, so that no case pays for another."""
        with psycopg.connect(self._server.dsn(), autocommit=True) as connection:
            connection.execute("checkpoint")
