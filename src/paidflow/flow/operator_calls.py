"""What an operator calls; a part of ``PaidFlow``."""

from __future__ import annotations

from typing import Any

from paidflow.clock import Clock
from paidflow.errors import InvalidArguments, InvalidConfiguration
from paidflow.flow.funding import balance_of
from paidflow.flow.gateways import Gateways
from paidflow.flow.idempotency import key_hash_of
from paidflow.flow.joining import Joining
from paidflow.flow.maintenance import Maintenance
from paidflow.flow.receipt import Receipt
from paidflow.flow.registry import check_text
from paidflow.flow.resolutions import Resolution
from paidflow.flow.statement import StatementLine, statement
from paidflow.ledger.accounts import ISSUED, purse
from paidflow.ledger.entries import Entry
from paidflow.money import Money
from paidflow.store.contract import Store


class OperatorCalls:
    """What an operator calls: credits, decisions, maintenance, erasure."""

    store: Store
    clock: Clock
    gateways: Gateways
    _at: Joining
    _maintenance: Maintenance

    def grant(self, actor: str, amount: Money, *, key: str) -> None:
        """Give credits to an actor, once for each of the actor's keys.

        Args:
            actor: whose purse.
            amount: more than zero.
            key: the same key gives the same actor nothing a second time.
        """
        check_text("an actor", actor)
        check_text("the key of a grant", key)
        if type(amount) is not Money or amount.amount <= 0:
            raise InvalidArguments("a grant must be more than zero")
        entry = Entry(ISSUED, purse(actor), amount)
        with self._at("grant"), self.store.transaction("grant") as tx:
            tx.post(
                entry,
                source=f"grant:{len(actor)}:{actor}:{key}",
                version=1,
                line=1,
                now=self.clock.now(),
            )

    def balance(self, actor: str, currency: str = "BTC") -> Money:
        """The credits in an actor's purse."""
        return self.balance_of(purse(actor), currency)

    def balance_of(self, account: str, currency: str = "BTC") -> Money:
        """What can be spent from an account, such as ``withdrawable("ann")`` or ``POOL``."""
        with self.store.reading() as tx:
            return balance_of(tx, account, currency)

    def statement(
        self, account: str, currency: str = "BTC", *, limit: int = 100, before: str | None = None
    ) -> list[StatementLine]:
        """The entries of an account, the newest first, each with the balance after it.

        The balance after the newest one is what can be spent, plus what the owner still owes.

        Args:
            account: such as ``purse("ann")``.
            currency: each account exists once in each currency.
            limit: how many lines at most, 1 to 1,000.
            before: the ``cursor`` of the last line that was shown, to go on after it; ``None``
                begins with the newest.

        Raises:
            InvalidArguments: when the account is no text or the cursor is none.
        """
        check_text("an account", account)
        if before is not None:
            check_text("a cursor", before)
        with self.store.reading() as tx:
            return statement(tx, account, currency, limit, before)

    def resolve(
        self,
        action_id: str,
        resolution: Resolution,
        *,
        operator: str,
        why: str,
        fee: Money | None = None,
    ) -> None:
        """Decide what a person was asked to decide.

        Args:
            action_id: the action.
            resolution: ``retry`` runs the hook that raised again; ``accept`` makes the action real
                with late money; ``credit`` gives that money to the actor's purse; ``refund`` sends
                it back through its gateway; ``close`` takes the invoice for dead; ``dismiss``
                leaves everything as it is. Of a payment to somebody else whose end the gateway does
                not tell, ``outgoing_arrived`` says that it has arrived, ``outgoing_failed`` that it
                will never arrive.
            operator: who decides.
            why: the reason, for the log.
            fee: with ``outgoing_arrived``, what the payment has cost, from zero to all that it may;
                ``None`` for all that it may.

        Raises:
            NotResolvable: when the resolution does not fit.
            InvalidArguments: when the payment cannot have cost this, or nothing has arrived.
            RefundUnsupported: when the gateway of this money cannot send it back.
            Conflict: when somebody else has changed it at this moment.
        """
        if fee is not None and (type(fee) is not Money or resolution != "outgoing_arrived"):
            raise InvalidArguments("a fee is an amount of money, of a payment that has arrived")
        with self._at("resolve") as services:
            services.commands.resolve(action_id, resolution, operator, why, fee)

    def refund(
        self,
        action_id: str,
        amount: Money | None = None,
        *,
        operator: str,
        why: str,
        idempotency_key: str | None = None,
        tx: Any = None,
    ) -> Receipt:
        """Give back what a paid action has cost, or a part of it.

        Purses that paid for it get theirs first, and at once; the gateway that received the rest is
        asked to send it. Whom the action has paid gives it back, in proportion to what each got.
        With ``tx`` it is reserved in the caller's transaction; a worker asks the gateway.

        Args:
            action_id: the action.
            amount: more than zero, in the currency that was paid at the gateway, or from purses;
                ``None`` for all that is left.
            operator: who decides.
            why: the reason, for the log.
            idempotency_key: the same key gives back the same thing of this action, once.
            tx: the caller's open transaction.

        Returns:
            Where it stands; ``refunded`` is what has gone back, ``refunding`` what the gateway was
            asked for and does not show yet; ``changed`` is false when the key was used before.

        Raises:
            IdempotencyMismatch: when the key was used for another amount.
            ActionNotFound: when there is none.
            NotRefundable: when it was not paid.
            ZeroRefund: when the amount is zero.
            NegativeRefund: when it is less.
            RefundInOtherCurrency: when it was paid in another currency.
            RefundTooLarge: when less is left.
            RefundUnsupported: when the gateway cannot send money back.
            Conflict: when somebody else is changing it at this moment.
        """
        check_text("an operator", operator)
        check_text("a reason", why)
        if amount is not None and type(amount) is not Money:
            raise InvalidArguments("a refund is an amount of money")
        key_hash = None if idempotency_key is None else key_hash_of(idempotency_key)
        with self._at("refund", tx) as services:
            loaded, changed = services.commands.refund(action_id, amount, operator, why, key_hash)
            return services.reading.receipt(loaded, changed=changed)

    def begin_maintenance(self, gateway: str, *, why: str) -> None:
        """Give a gateway no new business: no invoices, and no payments to others.

        What is under way goes on: it is looked at, captured, released and passed on. Every process
        knows it a second later.

        Args:
            gateway: its name.
            why: the reason, for other operators.

        Raises:
            InvalidConfiguration: when there is no gateway of this name.
        """
        check_text("a reason", why)
        self._known(gateway)
        with self._at("maintenance"), self.store.transaction("begin_maintenance") as tx:
            tx.query("begin_maintenance", gateway=gateway, now=self.clock.now(), reason=why)
        self._maintenance.forget()

    def end_maintenance(self, gateway: str) -> bool:
        """Give a gateway new business again.

        Returns:
            Whether it was in maintenance.

        Raises:
            InvalidConfiguration: when there is no gateway of this name.
        """
        self._known(gateway)
        with self._at("maintenance"), self.store.transaction("end_maintenance") as tx:
            ended = tx.query("end_maintenance", gateway=gateway).rowcount
        self._maintenance.forget()
        return bool(ended)

    def _known(self, gateway: str) -> None:
        if self.gateways.gateway(gateway) is None:
            raise InvalidConfiguration(f"there is no gateway {gateway!r}")

    def erase(self, action_id: str) -> None:
        """Erase the texts of a finished action; the log and the money stay as they are.

        Raises:
            ActionNotFound: when there is none.
            NotAtRest: when it is not finished, or a hook still needs the texts.
            Conflict: when somebody else is changing it at this moment.
        """
        with self._at("erase") as services:
            services.commands.erase(action_id)
