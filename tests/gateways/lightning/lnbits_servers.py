"""LNbits on real nodes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateways.lightning.nodes import Lnd, Network
from tests.gateways.lnbits.server import LnbitsServer


def _settings(node: Lnd) -> dict[str, str]:
    return {
        "LNBITS_BACKEND_WALLET_CLASS": "LndRestWallet",
        "LND_REST_ENDPOINT": node.url,
        "LND_REST_CERT": str(node.certificate),
        "LND_REST_MACAROON": node.macaroon.read_bytes().hex(),
    }


@pytest.fixture(scope="session")
def lnbits_on_ours(
    network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LnbitsServer]:
    """The LNbits of our node."""
    folder = tmp_path_factory.mktemp("lnbits-on-ours")
    with LnbitsServer(folder, _settings(network.ours)) as server:
        yield server


@pytest.fixture(scope="session")
def lnbits_on_receiver(
    network: Network, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LnbitsServer]:
    """The LNbits of the receiver's node."""
    folder = tmp_path_factory.mktemp("lnbits-on-receiver")
    with LnbitsServer(folder, _settings(network.receiver)) as server:
        yield server
