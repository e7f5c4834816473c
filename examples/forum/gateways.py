"""How the forum is paid: at the sandbox, or at what settings in the environment say.

docs/forum.md lists them. All real gateways need a secret of their own, and none of them pays out:
whoever opens the demo may be anybody, and its first credits are a present.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from examples.forum.own_wallets import OwnWallets
from paidflow import Money, PaidAction, Quote, Quotes
from paidflow.actions.contract import INVOICE
from paidflow.clock import Clock, SystemClock
from paidflow.forum import ACTIONS, AutoWithdrawal
from paidflow.payments.bolt11 import Network
from paidflow.payments.contract import Capability
from paidflow.payments.lnbits import LnbitsGateway
from paidflow.payments.lnbits_webhook import LnbitsWebhook
from paidflow.payments.lnd import Lnd
from paidflow.payments.sandbox import SandboxGateway
from paidflow.payments.stripe import StripeGateway

DEMO_SECRET = "a secret only for this demo"
QUOTE_VALID = timedelta(hours=2)
STRIPE_SCRIPT = "https://js.stripe.com/v3/"


class WrongSetting(Exception):
    """A setting is missing, or is none of those that there are; the text names it."""


@dataclass(frozen=True)
class CardForm:
    """What a page needs to ask for a card.

    Args:
        key: the publishable one, which everybody may know.
        script: where Stripe's script is.
    """

    key: str
    script: str


@dataclass(frozen=True)
class Payments:
    """How the forum is paid.

    Args:
        name: of the gateway.
        gateway: where invoices come from.
        secret: what proofs and preimages are made with.
        quotes: what satoshis are in another currency, if the gateway takes another one.
        card: how pages ask for a card, if the gateway takes cards.
        own: the wallets that people can attach, at the sandbox.
    """

    name: str
    gateway: SandboxGateway | Lnd | LnbitsGateway | StripeGateway
    secret: str = field(repr=False)
    quotes: Quotes | None = None
    card: CardForm | None = None
    own: OwnWallets | None = None

    @property
    def actions(self) -> list[type[PaidAction]]:
        """The catalogue, as far as the gateway can serve it.

        What is paid before it is done needs a gateway that holds money; without one it is paid
        from purses only. Real money is not paid out.
        """
        holds = Capability.HOLD in self.gateway.profile.capabilities
        real = not isinstance(self.gateway, SandboxGateway)
        served: list[type[PaidAction]] = []
        for action in ACTIONS:
            if real and action is AutoWithdrawal:
                continue
            if INVOICE not in action.funding or action.optimistic or holds:
                served.append(action)
            elif purses := tuple(way for way in action.funding if way != INVOICE):
                changed = {"funding": purses, "anonymous": False}
                served.append(type(action.__name__, (action,), changed))
        return served

    def close(self) -> None:
        """Let go of connections and files."""
        self.gateway.close()
        if self.own is not None:
            self.own.close()


@dataclass(frozen=True)
class FixedRate:
    """A bitcoin costs what a setting says.

    Args:
        rate: so many units of the currency.
        currency: which one.
        clock: the time.
    """

    rate: str
    currency: str
    clock: Clock

    def quote(self, cost: Money, currency: str) -> Quote | None:
        """What a cost is in that currency."""
        if (cost.currency, currency) != ("BTC", self.currency):
            return None
        until = self.clock.now() + QUOTE_VALID
        return Quote.at(self.rate, cost, currency, source="settings", valid_until=until)


def payments(
    settings: Mapping[str, str],
    folder: Path,
    clock: Clock | None = None,
    people: Iterable[str] = (),
) -> Payments:
    """The gateway that ``FORUM_GATEWAY`` names; the sandbox if nothing does.

    Args:
        settings: the environment.
        folder: where the sandbox keeps its bank.
        clock: the time.
        people: who may have a wallet of his own at the sandbox.

    Raises:
        WrongSetting: when a setting is missing, or there is no such gateway.
        InvalidConfiguration: when one cannot be used.
    """
    clock = clock or SystemClock()
    name = settings.get("FORUM_GATEWAY", "sandbox")
    match name:
        case "sandbox":
            own = OwnWallets.open(folder, people, clock)
            bank = SandboxGateway(
                folder / "bank.db", sandbox=True, clock=clock, receivers=own.accounts.values()
            )
            return Payments(name, bank, settings.get("FORUM_SECRET", DEMO_SECRET), own=own)
        case "lnd":
            return _lnd(settings, clock)
        case "lnbits":
            return _lnbits(settings, clock)
        case "stripe":
            return _stripe(settings, clock)
        case _:
            raise WrongSetting("FORUM_GATEWAY is sandbox, lnd, lnbits or stripe")


def _lnd(settings: Mapping[str, str], clock: Clock) -> Payments:
    url, macaroon, account, secret = _needed(
        settings, "FORUM_LND_URL", "FORUM_LND_MACAROON", "FORUM_LND_ACCOUNT", "FORUM_SECRET"
    )
    certificate = settings.get("FORUM_LND_CERTIFICATE")
    network = settings.get("FORUM_LND_NETWORK", Network.MAINNET.name).upper()
    if network not in Network.__members__:
        raise WrongSetting(f"FORUM_LND_NETWORK is one of {', '.join(Network.__members__)}")
    node = Lnd(
        url,
        macaroon=Path(macaroon),
        tls_certificate=Path(certificate) if certificate else None,
        account=account,
        secret=secret.encode(),
        network=Network[network],
        clock=clock,
    )
    return Payments("lnd", node, secret)


def _lnbits(settings: Mapping[str, str], clock: Clock) -> Payments:
    url, wallet, invoice_key, secret = _needed(
        settings,
        "FORUM_LNBITS_URL",
        "FORUM_LNBITS_WALLET",
        "FORUM_LNBITS_INVOICE_KEY",
        "FORUM_SECRET",
    )
    ours = settings.get("FORUM_URL")
    gateway = LnbitsGateway(
        url,
        wallet_id=wallet,
        invoice_key=invoice_key,
        webhook=LnbitsWebhook(f"{ours}/pay/webhooks/lnbits", secret.encode()) if ours else None,
        clock=clock,
    )
    return Payments("lnbits", gateway, secret)


def _stripe(settings: Mapping[str, str], clock: Clock) -> Payments:
    key, publishable_key, account, rate, secret = _needed(
        settings,
        "FORUM_STRIPE_API_KEY",
        "FORUM_STRIPE_PUBLISHABLE_KEY",
        "FORUM_STRIPE_ACCOUNT",
        "FORUM_STRIPE_RATE",
        "FORUM_SECRET",
    )
    if not publishable_key.startswith("pk_"):  # every page shows it
        raise WrongSetting("FORUM_STRIPE_PUBLISHABLE_KEY begins with pk_")
    currency = settings.get("FORUM_STRIPE_CURRENCY", "EUR")
    gateway = StripeGateway(
        key,
        account=account,
        currencies=[currency],
        webhook_secret=settings.get("FORUM_STRIPE_WEBHOOK_SECRET"),
        clock=clock,
    )
    card = CardForm(publishable_key, settings.get("FORUM_STRIPE_SCRIPT", STRIPE_SCRIPT))
    return Payments("stripe", gateway, secret, FixedRate(rate, currency, clock), card)


def _needed(settings: Mapping[str, str], *names: str) -> list[str]:
    if missing := [name for name in names if not settings.get(name)]:
        needs = settings["FORUM_GATEWAY"]
        raise WrongSetting(f"FORUM_GATEWAY={needs} also needs {', '.join(missing)}")
    return [settings[name] for name in names]
