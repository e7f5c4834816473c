"""Attached wallets: actors' own wallets, to be paid to and to pay from. Needs httpx, cryptography.

Their keys are sealed wherever they are kept, and opened only while a wallet is used.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping

from pydantic import ValidationError

from paidflow.errors import GatewayUnavailable, InvalidArguments, InvalidConfiguration
from paidflow.flow.paid_flow import PaidFlow
from paidflow.flow.receipt import NextAction, Receipt
from paidflow.payments.bolt11 import Network
from paidflow.payments.contract import Accepted, CommandOutcome, Unknown
from paidflow.payments.lnbits_wallet import TIMEOUT_S, LnbitsKeys, LnbitsWallet
from paidflow.payments.seal import Seal
from paidflow.states.machine import State


class AttachedWallets(Mapping[str, LnbitsWallet]):
    """The wallets that actors have attached, by name; a flow takes it as its ``wallets``.

    Args:
        sealed: where the sealed keys are kept, such as a mapping that reads and writes a table.
        seal: what they are sealed with.
        servers: the addresses of the servers that such wallets may be at. Whoever could choose
            any address could have this machine call its neighbours.
        network: the network of their invoices.
        timeout_s: how long a wallet may take to answer.
    """

    def __init__(
        self,
        sealed: MutableMapping[str, str],
        seal: Seal,
        *,
        servers: Collection[str],
        network: Network = Network.MAINNET,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._sealed = sealed
        self._seal = seal
        self._servers = frozenset(_trimmed(server) for server in servers)
        self._network = network
        self._timeout_s = timeout_s

    def __getitem__(self, name: str) -> LnbitsWallet:
        keys = self._opened(name, self._sealed[name])
        if _trimmed(keys.url) not in self._servers:
            raise KeyError(name)  # its server is not allowed any more
        return LnbitsWallet(keys, network=self._network, timeout_s=self._timeout_s)

    def __iter__(self) -> Iterator[str]:
        return iter(self._sealed)

    def __len__(self) -> int:
        return len(self._sealed)

    def attach(self, name: str, keys: LnbitsKeys) -> None:
        """Keep the keys of a wallet; they replace those that were there.

        Args:
            name: the name of the wallet, such as the id of its owner.
            keys: its keys.

        Raises:
            InvalidArguments: when its server is not one of ``servers``.
        """
        if _trimmed(keys.url) not in self._servers:
            raise InvalidArguments("wallets of this server cannot be attached")
        self._sealed[name] = self._seal.close(keys.model_dump_json(), name)

    def detach(self, name: str) -> None:
        """Forget the keys of a wallet."""
        self._sealed.pop(name, None)

    def renew(self) -> int:
        """Seal all keys with the current key of the keyring; returns how many had another."""
        old = {name: kept for name, kept in self._sealed.items() if not self._seal.is_current(kept)}
        for name, kept in old.items():
            self._sealed[name] = self._seal.close(self._seal.open(kept, name), name)
        return len(old)

    def pay(self, flow: PaidFlow, receipt: Receipt, name: str) -> Receipt:
        """Pay what a receipt asks for from a wallet, before its payer is asked to.

        Args:
            flow: the flow that the receipt is of.
            receipt: what it has answered.
            name: the payer's wallet.

        Returns:
            The receipt after that. ``next_action`` is ``PAY_INVOICE`` only if the wallet certainly
            does not pay; ``WAIT`` if it does or may.
        """
        gateway, invoice_id, asked = receipt.gateway, receipt.invoice_id, receipt.payment_request
        wallet = self.get(name) if receipt.next_action is NextAction.PAY_INVOICE else None
        if wallet is None or not gateway or not invoice_id or not asked:
            return receipt
        hold = receipt.state is State.PENDING_HELD
        outcome = wallet.pay(asked, f"pf-{receipt.action_id}", hold=hold)
        return _after(flow, receipt, outcome, gateway, invoice_id)

    def _opened(self, name: str, sealed: str) -> LnbitsKeys:
        try:
            return LnbitsKeys.model_validate_json(self._seal.open(sealed, name))
        except ValidationError:
            raise InvalidConfiguration(f"what is sealed for {name!r} is no key") from None


def _after(
    flow: PaidFlow, receipt: Receipt, outcome: CommandOutcome, gateway: str, invoice_id: str
) -> Receipt:
    if not isinstance(outcome, Accepted | Unknown):
        return receipt
    try:
        now = flow.sync(gateway, invoice_id) or receipt
    except GatewayUnavailable:
        now = receipt
    due = now.next_action is NextAction.PAY_INVOICE
    waits = {"next_action": NextAction.WAIT} if due else {}
    return now.model_copy(update=waits | {"proof": receipt.proof})


def _trimmed(url: str) -> str:
    return url.rstrip("/").lower()
