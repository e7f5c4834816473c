"""btcd on a chain of its own (regtest), which mines when it is told to.

btcd empties such a chain when it is started again, and only mines for addresses that it was started
with. So there are two: one that wallets are connected to, and a miner beside it.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import httpx

from tests.gateways.lightning.processes import NotYet, Program, free_port, wait_for

USER, PASSWORD = "tests", "loopback-only"


class Btcd:
    """A node of the chain.

    Args:
        program: the file of btcd.
        folder: everything it writes goes there.
    """

    def __init__(self, program: Path, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.rpc_port, self.port = free_port(), free_port()
        self.certificate = folder / "rpc.cert"
        self._program, self._folder = program, folder
        self._child: Program | None = None

    def start(self, *addresses: str, beside: Btcd | None = None) -> None:
        """Start it.

        Args:
            addresses: what it mines goes to one of them, by chance.
            beside: another node of the same chain.
        """
        command = self._command() + [f"--miningaddr={address}" for address in addresses]
        if beside is not None:
            command.append(f"--connect=127.0.0.1:{beside.port}")
        self._child = Program(command, self._folder / "btcd.log")
        self._child.start()
        wait_for(self._answers)

    def stop(self) -> None:
        """Stop it."""
        if self._child is not None:
            self._child.stop()

    def mine(self, blocks: int) -> None:
        """Mine blocks, with all that waits for them."""
        self.call("generate", blocks)

    @property
    def height(self) -> int:
        """How many blocks there are."""
        return self.call("getblockcount")

    @property
    def waiting(self) -> int:
        """How many transactions wait for a block."""
        return len(self.call("getrawmempool"))

    def tail(self) -> str:
        """The end of its log."""
        return self._child.tail() if self._child else ""

    def call(self, method: str, *params: object) -> Any:
        """Call its JSON-RPC interface."""
        trusted = ssl.create_default_context(cadata=self.certificate.read_text())
        answer = httpx.post(
            f"https://127.0.0.1:{self.rpc_port}/",
            json={"jsonrpc": "1.0", "id": 1, "method": method, "params": params},
            auth=(USER, PASSWORD),
            verify=trusted,
            timeout=120,
            trust_env=False,
        ).json()
        assert answer["error"] is None, answer["error"]
        return answer["result"]

    def _answers(self) -> None:
        assert self._child is not None
        self._child.check()
        try:
            self.call("getblockcount")
        except (httpx.HTTPError, OSError) as error:
            raise NotYet(f"btcd: {error}") from None

    def _command(self) -> list[str]:
        folder = self._folder
        return [
            *(str(self._program), "--regtest", "--txindex", "--nodnsseed", "--nobanning"),
            *("--configfile=/dev/null", f"--datadir={folder}/data", f"--logdir={folder}/logs"),
            *(f"--rpcuser={USER}", f"--rpcpass={PASSWORD}", "--rpcmaxclients=100"),
            *(f"--rpccert={self.certificate}", f"--rpckey={folder}/rpc.key"),
            *(f"--rpclisten=127.0.0.1:{self.rpc_port}", f"--listen=127.0.0.1:{self.port}"),
            *("--trickleinterval=100ms", "--rpcmaxwebsockets=200", "--nostalldetect"),
        ]
