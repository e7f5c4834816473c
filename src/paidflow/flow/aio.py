"""``PaidFlow.aio``: the same calls as coroutines, on a bounded number of threads.

Hooks stay as they are: they run in a thread, or in the transaction of an asynchronous session.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from contextvars import Context, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from paidflow.actions.contract import HookTransaction, PaidAction, Rows
from paidflow.errors import InvalidConfiguration
from paidflow.flow.inbox import WebhookAnswer
from paidflow.flow.prepared import Prepared
from paidflow.flow.receipt import HistoryEntry, Receipt
from paidflow.flow.resolutions import Resolution
from paidflow.flow.statement import StatementLine
from paidflow.money import Money
from paidflow.payments.contract import Answer

if TYPE_CHECKING:
    from paidflow.flow.paid_flow import PaidFlow

P = ParamSpec("P")
T = TypeVar("T")

AIO_THREADS_MAX = 8
"""More threads make a loop wait longer for its turn; see docs/embedding.md."""


class AsyncTransaction:
    """A transaction for the application's own tables, for coroutines.

    Args:
        submit: runs something in a thread, in a context.
    """

    def __init__(self, submit: Callable[[Context, Callable[[], Any]], asyncio.Future[Any]]) -> None:
        self._submit = submit
        self._context = copy_context()
        self._stack = ExitStack()
        self._tx: HookTransaction | None = None
        self._last: asyncio.Future[Any] | None = None

    async def execute(self, sql: str, **params: Any) -> Rows:
        """Run one statement with ``:name`` parameters, on both stores."""
        if self._tx is None:
            raise AssertionError("it has begun")
        return await self._run(partial(self._tx.execute, sql, **params))

    async def begin(self, opened: AbstractContextManager[HookTransaction]) -> None:
        """Open it."""
        self._tx = await self._run(lambda: self._stack.enter_context(opened))

    async def end(self, error: BaseException | None = None) -> None:
        """Commit it, or roll it back because of an error; not to be cancelled half-way."""
        kind = None if error is None else type(error)
        trace = None if error is None else error.__traceback__
        ending = asyncio.ensure_future(self._run(partial(self._stack.__exit__, kind, error, trace)))
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            await asyncio.wait([ending])
            raise

    async def _run(self, work: Callable[[], T]) -> T:
        if self._last is not None:  # perhaps of a statement that nobody waits for any more
            await asyncio.wait([self._last])
        self._last = self._submit(self._context, work)
        return await asyncio.shield(self._last)


class AsyncPaidFlow:
    """What ``PaidFlow`` does, as coroutines; each has the parameters of its method there.

    Cancelling a coroutine ends the waiting and not the work, as a call to another service would.
    With ``tx`` the work is in the caller's own transaction, and ends like a statement of it.

    Args:
        flow: does the work.
        threads_max: how many calls are at work at once, 1 to 100.

    Raises:
        InvalidConfiguration: when there are too many or too few threads.
    """

    def __init__(self, flow: PaidFlow, threads_max: int) -> None:
        self._flow = flow
        if not 1 <= threads_max <= 100:
            raise InvalidConfiguration("aio_threads_max must be from 1 to 100")
        self._pool = ThreadPoolExecutor(threads_max, thread_name_prefix="paidflow")

    def stop(self) -> None:
        """Wait for the calls that are at work; there can be no more."""
        self._pool.shutdown()

    async def close(self) -> None:
        """See ``PaidFlow.close``."""
        await asyncio.to_thread(self._flow.close)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncTransaction]:
        """See ``PaidFlow.transaction``."""
        tx = AsyncTransaction(self._submit)
        try:
            await tx.begin(self._flow.transaction())
            yield tx
        except BaseException as error:
            await tx.end(error)
            raise
        await tx.end()

    async def prepare(
        self,
        action: PaidAction,
        *,
        actor: str | None = None,
        idempotency_key: str | None = None,
        proof: str | None = None,
    ) -> Prepared:
        """See ``PaidFlow.prepare``."""
        return await self._call(
            self._flow.prepare, action, actor=actor, idempotency_key=idempotency_key, proof=proof
        )

    async def discard(self, prepared: Prepared) -> None:
        """See ``PaidFlow.discard``."""
        await self._call(self._flow.discard, prepared)

    async def perform(
        self,
        action: PaidAction | Prepared,
        *,
        actor: str | None = None,
        idempotency_key: str | None = None,
        proof: str | None = None,
        tx: Any = None,
    ) -> Receipt:
        """See ``PaidFlow.perform``."""
        return await self._inside(
            tx,
            self._flow.perform,
            action,
            actor=actor,
            idempotency_key=idempotency_key,
            proof=proof,
        )

    async def retry(
        self,
        action_id: str,
        *,
        actor: str | None = None,
        proof: str | None = None,
        tx: Any = None,
    ) -> Receipt:
        """See ``PaidFlow.retry``."""
        return await self._inside(tx, self._flow.retry, action_id, actor=actor, proof=proof)

    async def cancel(
        self,
        action_id: str,
        *,
        actor: str | None = None,
        proof: str | None = None,
        tx: Any = None,
    ) -> Receipt:
        """See ``PaidFlow.cancel``."""
        return await self._inside(tx, self._flow.cancel, action_id, actor=actor, proof=proof)

    async def get(
        self,
        action_id: str,
        *,
        actor: str | None = None,
        proof: str | None = None,
        tx: Any = None,
    ) -> Receipt:
        """See ``PaidFlow.get``."""
        return await self._inside(tx, self._flow.get, action_id, actor=actor, proof=proof)

    async def history(
        self,
        action_id: str,
        *,
        actor: str | None = None,
        proof: str | None = None,
        tx: Any = None,
    ) -> list[HistoryEntry]:
        """See ``PaidFlow.history``."""
        return await self._inside(tx, self._flow.history, action_id, actor=actor, proof=proof)

    async def claim(self, action_id: str, *, proof: str, actor: str) -> Receipt:
        """See ``PaidFlow.claim``."""
        return await self._call(self._flow.claim, action_id, proof=proof, actor=actor)

    async def lock(self, actors: Iterable[str], *, tx: Any) -> None:
        """See ``PaidFlow.lock``."""
        await self._inside(tx, self._flow.lock, actors)

    async def sync(self, gateway: str, invoice_id: str) -> Receipt | None:
        """See ``PaidFlow.sync``."""
        return await self._call(self._flow.sync, gateway, invoice_id)

    async def sync_payment(self, action_id: str, number: int | None = None) -> Receipt:
        """See ``PaidFlow.sync_payment``."""
        return await self._call(self._flow.sync_payment, action_id, number)

    async def ask(self, gateway: str, invoice_id: str) -> Answer:
        """See ``PaidFlow.ask``."""
        return await self._call(self._flow.ask, gateway, invoice_id)

    async def apply(self, answer: Answer, *, tx: Any = None) -> Receipt | None:
        """See ``PaidFlow.apply``."""
        return await self._inside(tx, self._flow.apply, answer)

    async def sync_many(self, gateway: str, invoice_ids: Sequence[str]) -> list[str]:
        """See ``PaidFlow.sync_many``."""
        return await self._call(self._flow.sync_many, gateway, invoice_ids)

    async def receive_webhook(
        self, gateway: str, headers: Mapping[str, str], body: bytes
    ) -> WebhookAnswer:
        """See ``PaidFlow.receive_webhook``."""
        return await self._call(self._flow.receive_webhook, gateway, headers, body)

    async def look_at_webhooks(self, limit: int = 250) -> int:
        """See ``PaidFlow.look_at_webhooks``."""
        return await self._call(self._flow.look_at_webhooks, limit)

    async def grant(self, actor: str, amount: Money, *, key: str) -> None:
        """See ``PaidFlow.grant``."""
        await self._call(self._flow.grant, actor, amount, key=key)

    async def balance(self, actor: str, currency: str = "BTC") -> Money:
        """See ``PaidFlow.balance``."""
        return await self._call(self._flow.balance, actor, currency)

    async def balance_of(self, account: str, currency: str = "BTC") -> Money:
        """See ``PaidFlow.balance_of``."""
        return await self._call(self._flow.balance_of, account, currency)

    async def statement(
        self, account: str, currency: str = "BTC", *, limit: int = 100, before: str | None = None
    ) -> list[StatementLine]:
        """See ``PaidFlow.statement``."""
        return await self._call(self._flow.statement, account, currency, limit=limit, before=before)

    async def resolve(
        self,
        action_id: str,
        resolution: Resolution,
        *,
        operator: str,
        why: str,
        fee: Money | None = None,
    ) -> None:
        """See ``PaidFlow.resolve``."""
        await self._call(
            self._flow.resolve, action_id, resolution, operator=operator, why=why, fee=fee
        )

    async def refund(
        self,
        action_id: str,
        amount: Money | None = None,
        *,
        operator: str,
        why: str,
        idempotency_key: str | None = None,
        tx: Any = None,
    ) -> Receipt:
        """See ``PaidFlow.refund``."""
        given = {"operator": operator, "why": why, "idempotency_key": idempotency_key}
        return await self._inside(tx, self._flow.refund, action_id, amount, **given)

    async def begin_maintenance(self, gateway: str, *, why: str) -> None:
        """See ``PaidFlow.begin_maintenance``."""
        await self._call(self._flow.begin_maintenance, gateway, why=why)

    async def end_maintenance(self, gateway: str) -> bool:
        """See ``PaidFlow.end_maintenance``."""
        return await self._call(self._flow.end_maintenance, gateway)

    async def erase(self, action_id: str) -> None:
        """See ``PaidFlow.erase``."""
        await self._call(self._flow.erase, action_id)

    async def _inside(self, tx: Any, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call a method in a thread, or in the transaction of an asynchronous session."""
        if tx is None:
            return await self._call(method, *args, **kwargs)
        if not hasattr(tx, "run_sync"):
            raise InvalidConfiguration(
                f"{type(tx).__name__} is not asynchronous: it belongs to the thread that opened it,"
                " so call the flow itself there"
            )

        def work(own: Any) -> T:
            return method(*args, tx=own, **kwargs)

        return await tx.run_sync(work)

    async def _call(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        work = partial(method, *args, **kwargs)
        return await asyncio.shield(self._submit(copy_context(), work))

    def _submit(self, context: Context, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._pool, context.run, work)
