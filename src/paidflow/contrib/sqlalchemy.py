"""paidflow in an application on SQLAlchemy 2: its sessions, its transactions, its models."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar
from weakref import ref

from sqlalchemy import Boolean, Connection, String, event, literal, literal_column
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapper, Session, class_mapper, sessionmaker
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from paidflow.actions.contract import Context
from paidflow.errors import InvalidConfiguration
from paidflow.store import visibility
from paidflow.store.names import PLAIN, Names

_begun: ContextVar[tuple[ref[Session], ...]] = ContextVar("paidflow_begun", default=())
"""The sessions that have begun a transaction in this thread or task."""


_COLUMN, _ACTIONS = "paidflow_column", "paidflow_actions"
"""Stand in the rule for a column and a table that SQLAlchemy spells out."""


class SqlAlchemy:
    """Lets hooks work with sessions, and calls take part in the transactions of sessions.

    Sessions of this maker that are open where a call is made must be passed to it as ``tx``.

    Args:
        sessions: makes synchronous sessions on the database of the flow. For asynchronous ones it
            can be the ``sync_session_class`` of an ``async_sessionmaker``.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions
        event.listen(sessions, "after_begin", _note)

    def join(self, tx: Any) -> SessionTransaction | ConnectionTransaction:
        """The transaction of a ``Session`` or ``Connection``; it begins if it has not."""
        match tx:
            case Session():
                return SessionTransaction(tx)
            case Connection():
                return ConnectionTransaction(tx, self._sessions)
            case _:
                wanted = "a Session or a Connection; asynchronous ones go to flow.aio"
                raise InvalidConfiguration(f"tx must be {wanted}, not {type(tx).__name__}")

    @contextmanager
    def begin(self) -> Generator[SessionTransaction]:
        """A transaction of a new session; it commits at the end of the block."""
        with self._sessions.begin() as session:
            yield SessionTransaction(session)

    def reading(self) -> AbstractContextManager[Session]:
        """A new session; it opens a connection only if it is used."""
        return self._sessions()

    def in_transaction(self) -> bool:
        """Whether a session of this maker has a transaction open in this thread or task."""
        found = (begun() for begun in _begun.get())
        kind = self._sessions.class_
        return any(isinstance(session, kind) and session.in_transaction() for session in found)


class SessionTransaction:
    """The transaction of a session.

    Args:
        session: the session.
    """

    def __init__(self, session: Session) -> None:
        self.for_hooks = session

    @property
    def connection(self) -> Any:
        """The driver's connection, or SQLAlchemy's synchronous view of an asynchronous one."""
        return self.for_hooks.connection().connection.dbapi_connection

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """A nested transaction, so that the session forgets what was rolled back."""
        with self.for_hooks.begin_nested():
            self.for_hooks.connection()  # only now SQLAlchemy sends the SAVEPOINT
            yield

    def flush(self) -> None:
        """Send what was added to the session."""
        self.for_hooks.flush()


class ConnectionTransaction:
    """The transaction of a connection; hooks get a session on it.

    Args:
        connection: the connection.
        sessions: makes that session.
    """

    def __init__(self, connection: Connection, sessions: sessionmaker[Session]) -> None:
        self._connection = connection
        self._sessions = sessions
        self.for_hooks: Session | None = None

    @property
    def connection(self) -> Any:
        """The driver's connection, or SQLAlchemy's synchronous view of an asynchronous one."""
        if not self._connection.in_transaction():
            self._connection.begin()
        return self._connection.connection.dbapi_connection

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """A nested transaction, and a session in it."""
        own = {"bind": self._connection, "join_transaction_mode": "create_savepoint"}
        with self._connection.begin_nested(), self._sessions(**own) as session:
            self.for_hooks = session
            yield
            session.commit()
        self.for_hooks = None

    def flush(self) -> None:
        """Send what hooks have added to their session."""
        if self.for_hooks is not None:
            self.for_hooks.flush()


def session_of(ctx: Context) -> Session:
    """The session in ``ctx.tx``, for type checkers.

    Raises:
        InvalidConfiguration: when the flow was not opened with ``embedder=SqlAlchemy(...)``.
    """
    session: object = ctx.tx
    if not isinstance(session, Session):
        raise InvalidConfiguration("open the flow with embedder=SqlAlchemy(...)")
    return session


class visible(FunctionElement[bool]):
    """The condition under which a viewer sees a row that an action has created.

    Args:
        column: the column with the action's id.
        viewer: who looks; ``None`` for a logged-out person.
        names: under which names paidflow's tables are in the database.
    """

    inherit_cache = True
    type = Boolean()

    def __init__(self, column: Any, viewer: str | None, names: Names = PLAIN) -> None:
        actions: ColumnElement[Any] = literal_column(names.fill(_ACTIONS))
        super().__init__(column, literal(viewer, String()), actions)


class visible_part(visible):
    """The same for a row that an action or a part of one has created."""

    inherit_cache = True


class Visible:
    """Gives a model ``visible_to``; its primary key is the id of the action that created it.

    Class attributes:
        paidflow_names: under which names paidflow's tables are in the database.
    """

    paidflow_names: ClassVar[Names] = PLAIN
    _condition: ClassVar[type[visible]] = visible

    @classmethod
    def visible_to(cls, viewer: str | None) -> ColumnElement[bool]:
        """The condition under which a viewer sees a row: real, or mine."""
        mapper: Mapper[Any] = class_mapper(cls)
        key = mapper.get_property_by_column(mapper.primary_key[0])
        return cls._condition(key.class_attribute, viewer, cls.paidflow_names)


class VisiblePart(Visible):
    """The same for a model whose rows are created by actions or by parts of them."""

    _condition = visible_part


@compiles(visible)
def _compile_visible(element: visible, compiler: SQLCompiler, **kw: Any) -> str:
    column, viewer, actions = (compiler.process(clause, **kw) for clause in element.clauses)
    parts = {_COLUMN: column, ":viewer": viewer, _ACTIONS: actions}
    parts_too = isinstance(element, visible_part)
    rule = (visibility.visible_part if parts_too else visibility.visible)(_COLUMN)
    return re.sub(rf"{_COLUMN}|:viewer|\b{_ACTIONS}\b", lambda found: parts[found[0]], rule)


def _note(session: Session, transaction: Any, connection: Any) -> None:
    """Remember who has begun; who has ended is forgotten on the way."""
    open_ones = (begun for begun in _begun.get() if _is_open(begun()))
    _begun.set((*open_ones, ref(session)))


def _is_open(session: Session | None) -> bool:
    return session is not None and session.in_transaction()
