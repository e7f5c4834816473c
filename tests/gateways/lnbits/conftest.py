from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateways.lnbits.server import LnbitsServer, ServerWallet

BALANCE_SATS = 10_000_000


@pytest.fixture(scope="session")
def lnbits(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LnbitsServer]:
    """An LNbits whose money is play money: what its wallets pay each other stays within it."""
    with LnbitsServer(tmp_path_factory.mktemp("lnbits")) as server:
        yield server


@pytest.fixture
def shop(lnbits: LnbitsServer) -> ServerWallet:
    """The wallet that is ours."""
    return lnbits.new_wallet("shop")


@pytest.fixture
def payer(lnbits: LnbitsServer) -> ServerWallet:
    """Somebody else's wallet with enough money."""
    return lnbits.new_wallet("payer", BALANCE_SATS)
