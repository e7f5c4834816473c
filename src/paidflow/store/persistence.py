"""The persistence module of the eventsourcing library for applications on paidflow's tables.

An application, a projection or a follower uses it by two settings of its environment:
``PERSISTENCE_MODULE=paidflow.store.persistence`` and ``PAIDFLOW_URL``.
"""

from __future__ import annotations

from typing import Any, TypeVar

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Mapper,
    ProcessRecorder,
    Transcoder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool

from paidflow.errors import InvalidConfiguration
from paidflow.ids import RandomIds
from paidflow.store.eventlog import EventLog
from paidflow.store.mapper import ActionMapper
from paidflow.store.names import PLAIN
from paidflow.store.opening import open_store
from paidflow.store.settings import DATABASE_FUNCTIONS, refuse_database_functions
from paidflow.store.streams import Snapshots, Streams
from paidflow.store.tracking import ProcessLog, TrackedView

Class = TypeVar("Class")


class Factory(InfrastructureFactory[TrackedView]):
    """Makes the library's recorders on the tables of paidflow.

    Args:
        env: settings, each also with the application's name and ``_`` before it:
            ``PAIDFLOW_URL`` is the database, as ``PaidFlow.open`` understands it;
            ``PAIDFLOW_SCHEMA`` and ``PAIDFLOW_PREFIX`` are the schema of PostgreSQL and the prefix,
            if the tables are not at the usual place;
            ``CREATE_TABLE`` is whether missing tables are created, by default they are.
            The library's settings for topics, ciphers, compressors and snapshots work as well.

    Raises:
        InvalidConfiguration: when something does not fit, with a sentence that says what.
    """

    PAIDFLOW_URL = "PAIDFLOW_URL"
    PAIDFLOW_SCHEMA = "PAIDFLOW_SCHEMA"
    PAIDFLOW_PREFIX = "PAIDFLOW_PREFIX"
    CREATE_TABLE = "CREATE_TABLE"

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        refuse_database_functions(self.env.get(DATABASE_FUNCTIONS))
        url = self.env.get(self.PAIDFLOW_URL)
        if not url:
            raise InvalidConfiguration(f"{self.PAIDFLOW_URL} is not set in the environment")
        self.store = open_store(
            url,
            schema=self.env.get(self.PAIDFLOW_SCHEMA) or None,
            prefix=self.env.get(self.PAIDFLOW_PREFIX) or PLAIN.prefix,
        )
        self._ids = RandomIds(self.store)
        try:
            self._create_tables()
        except BaseException:
            self.store.close()
            raise

    def mapper(
        self, transcoder: Transcoder | None = None, mapper_class: type[Mapper[Any]] | None = None
    ) -> Mapper[Any]:
        """A mapper; unless another one is asked for, one that reads paidflow's events too."""
        if mapper_class is None and not self.env.get(self.MAPPER_TOPIC):
            mapper_class = ActionMapper
        return super().mapper(transcoder, mapper_class)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        """The streams of aggregates, or with the purpose ``snapshots`` their snapshots."""
        kind = Snapshots if purpose == "snapshots" else Streams
        return kind(self.store, self.store, self._ids)

    def application_recorder(self) -> ApplicationRecorder:
        """The log."""
        kind = self._named(self.APPLICATION_RECORDER_TOPIC, EventLog)
        return kind(self.store, self.store, self._ids)

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackedView] | None = None
    ) -> TrackedView:
        """A view; its positions are kept under the name of the environment."""
        kind = tracking_recorder_class or self._named(self.TRACKING_RECORDER_TOPIC, TrackedView)
        _check(kind, TrackedView)
        return kind(self.store, self.env.name)

    def process_recorder(self) -> ProcessRecorder:
        """The log for an application that follows another one."""
        kind = self._named(self.PROCESS_RECORDER_TOPIC, ProcessLog)
        return kind(self.store, self.store, self._ids, self.env.name)

    def close(self) -> None:
        """Close all connections."""
        self.store.close()

    def _create_tables(self) -> None:
        if strtobool(self.env.get(self.CREATE_TABLE) or "yes"):
            self.store.create()
        self.store.check()

    def _named(self, setting: str, default: type[Class]) -> type[Class]:
        """The class that a setting names."""
        topic = self.env.get(setting)
        return _check(resolve_topic(topic), default) if topic else default


def _check(kind: Any, parent: type[Class]) -> type[Class]:
    if not (isinstance(kind, type) and issubclass(kind, parent)):
        raise InvalidConfiguration(f"{kind!r} is not a subclass of {parent.__qualname__}")
    return kind
