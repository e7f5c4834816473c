"""Three lnd nodes on a chain of their own: payer -> ours -> receiver, with money on both sides."""

from __future__ import annotations

import base64
import shutil
import ssl
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from tests.gateways.lightning.chain import PASSWORD, USER, Btcd
from tests.gateways.lightning.processes import NotYet, Program, free_port, wait_for

CHANNEL_SATS = 10_000_000
PUSHED_SATS = 4_000_000
"""What the other side has of a channel from the beginning."""


class Lnd:
    """A node.

    Args:
        program: the file of lnd.
        folder: everything it writes goes there.
        chain: what it knows of the chain from.
        name: what others read of it.
    """

    def __init__(self, program: Path, folder: Path, chain: Btcd, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name, self.folder = name, folder
        self.rest_port, self.peer_port, self._rpc_port = free_port(), free_port(), free_port()
        self._child = Program(self._command(program, chain), folder / f"{name}.log")

    @property
    def url(self) -> str:
        """The address of its REST interface."""
        return f"https://127.0.0.1:{self.rest_port}"

    @property
    def certificate(self) -> Path:
        """The file with its certificate."""
        return self.folder / "tls.cert"

    @property
    def macaroon(self) -> Path:
        """The file with the macaroon that may do everything."""
        return self.folder / "data/chain/bitcoin/regtest/admin.macaroon"

    @property
    def public_key(self) -> str:
        """What it is called on the network."""
        return self.get("/v1/getinfo")["identity_pubkey"]

    @property
    def height(self) -> int:
        """The block height that it knows of."""
        return self.get("/v1/getinfo")["block_height"]

    def start(self) -> None:
        """Start it, or start it again, and wait until wallet and macaroons are there."""
        self._child.start()
        wait_for(lambda: self._reaches("RPC_ACTIVE", "SERVER_ACTIVE"))

    def restart(self) -> None:
        """Start it again, and wait until it can be used as before."""
        self.start()
        self.ready()

    def ready(self) -> None:
        """Wait until everything can be asked of it."""
        wait_for(lambda: self._reaches("SERVER_ACTIVE"))

    def stop(self) -> None:
        """Stop it."""
        self._child.stop()

    def kill(self) -> None:
        """Kill it; nothing is put in order."""
        self._child.kill()

    @property
    def program(self) -> Program:
        """The program that runs."""
        return self._child

    def get(self, path: str, **params: str | int) -> Any:
        """Ask its REST interface."""
        with self.client() as client:
            return _told(client.get(path, params=params))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Tell its REST interface; for a stream, its first message."""
        with self.client() as client, client.stream("POST", path, json=body) as answer:
            if answer.status_code != 200:
                answer.read()
                return _told(answer)
            return httpx.Response(200, text=next(answer.iter_lines())).json()

    def pay(self, invoice: str, **settings: int) -> str:
        """Begin to pay an invoice; a held payment has no end for a long time.

        Args:
            invoice: as the payee gave it.
            settings: more fields of ``routerrpc.SendPaymentRequest``.

        Returns:
            The status of the first message of the payment.
        """
        body = {"payment_request": invoice, "timeout_seconds": 60, "fee_limit_msat": 10_000}
        return self.post("/v2/router/send", body | settings)["result"]["status"]

    def pay_other_amount(self, invoice: str, amount_msats: int) -> str:
        """Pay more or less than an invoice asks for."""
        read = self.get(f"/v1/payreq/{invoice}")
        body = {
            "dest": base64.b64encode(bytes.fromhex(read["destination"])).decode(),
            "payment_hash": base64.b64encode(bytes.fromhex(read["payment_hash"])).decode(),
            "payment_addr": read["payment_addr"],
            "final_cltv_delta": int(read["cltv_expiry"]) + 3,
            "dest_features": [int(bit) for bit in read["features"]],
            "amt_msat": amount_msats,
            "timeout_seconds": 60,
            "fee_limit_msat": 10_000,
        }
        return self.post("/v2/router/send", body)["result"]["status"]

    def invoice(self, amount_msats: int, expiry_s: int = 3600) -> str:
        """A new invoice."""
        body = {"value_msat": amount_msats, "expiry": expiry_s}
        return self.post("/v1/invoices", body)["payment_request"]

    def pay_part(self, invoice: str, amount_msats: int) -> None:
        """Send one part of a payment, and wait until it has come back, or all has arrived."""
        read = self.get(f"/v1/payreq/{invoice}")
        found = self.get(
            f"/v1/graph/routes/{read['destination']}/{amount_msats // 1000}",
            final_cltv_delta=int(read["cltv_expiry"]) + 3,
        )
        route = found["routes"][0]
        whole = {"payment_addr": read["payment_addr"], "total_amt_msat": read["num_msat"]}
        route["hops"][-1]["mpp_record"] = whole
        payment_hash = base64.b64encode(bytes.fromhex(read["payment_hash"])).decode()
        self.post("/v2/router/route/send", {"payment_hash": payment_hash, "route": route})

    def payment(self, payment_hash: str) -> dict[str, Any]:
        """A payment that it has sent, as it stands now."""
        key = base64.urlsafe_b64encode(bytes.fromhex(payment_hash)).decode()
        with self.client() as client, client.stream("GET", f"/v2/router/track/{key}") as answer:
            return httpx.Response(200, text=next(answer.iter_lines())).json()["result"]

    def pending(self) -> list[dict[str, Any]]:
        """The parts of payments that are in its channels now."""
        channels = self.get("/v1/channels")["channels"]
        return [htlc for channel in channels for htlc in channel["pending_htlcs"]]

    def wait_for_payment(self, payment_hash: str, status: str) -> dict[str, Any]:
        """Wait until a payment that it has sent has this status."""

        def look() -> dict[str, Any]:
            payment = self.payment(payment_hash)
            if payment["status"] != status:
                raise NotYet(f"the payment is {payment['status']}")
            return payment

        return wait_for(look)

    def client(self) -> httpx.Client:
        """A client with the rights of its owner."""
        return httpx.Client(
            base_url=self.url,
            headers={"Grpc-Metadata-macaroon": self.macaroon.read_bytes().hex()},
            verify=ssl.create_default_context(cafile=self.certificate),
            timeout=120,
            trust_env=False,
        )

    def tail(self) -> str:
        """The end of its log."""
        return self._child.tail()

    def _reaches(self, *states: str) -> None:
        self._child.check()
        try:
            state = self.get("/v1/state")["state"]
        except (OSError, httpx.HTTPError) as error:
            raise NotYet(f"{self.name}: {error}") from None
        if state not in states:
            raise NotYet(f"{self.name} is {state}")

    def _command(self, program: Path, chain: Btcd) -> list[str]:
        return [
            *(str(program), f"--lnddir={self.folder}", f"--alias={self.name}", "--noseedbackup"),
            *("--bitcoin.regtest", "--bitcoin.node=btcd", "--bitcoin.defaultchanconfs=1"),
            *(f"--btcd.rpchost=127.0.0.1:{chain.rpc_port}", f"--btcd.rpccert={chain.certificate}"),
            *(f"--btcd.rpcuser={USER}", f"--btcd.rpcpass={PASSWORD}"),
            *(f"--rpclisten=127.0.0.1:{self._rpc_port}", f"--listen=127.0.0.1:{self.peer_port}"),
            *(
                f"--restlisten=127.0.0.1:{self.rest_port}",
                f"--externalip=127.0.0.1:{self.peer_port}",
            ),
            *("--nobootstrap", "--trickledelay=50", "--minbackoff=500ms", "--maxbackoff=1s"),
            *("--tlsdisableautofill", "--db.batch-commit-interval=10ms"),
            *("--gossip.sub-batch-delay=5ms", "--caches.rpc-graph-cache-duration=100ms"),
        ]


def _told(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


class Network:
    """The chain and the nodes, in a folder that goes away with them.

    Args:
        programs: the folder with the files of btcd and lnd.
    """

    def __init__(self, programs: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="paidflow-lightning-"))
        self.chain = Btcd(programs / "btcd", self._folder / "chain")
        self.miner = Btcd(programs / "btcd", self._folder / "miner")
        self.payer, self.ours, self.receiver = self.nodes = tuple(
            Lnd(programs / "lnd", self._folder / name, self.chain, name)
            for name in ("payer", "ours", "receiver")
        )

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            stack.callback(self._stop)
            try:
                self._start()
            except BaseException:
                print(self.tails())
                raise
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tails(self) -> str:
        """The ends of all logs."""
        programs = {"chain": self.chain, "miner": self.miner}
        programs |= {node.name: node for node in self.nodes}
        return "\n".join(f"--- {name}\n{one.tail()}" for name, one in programs.items())

    def mine(self, blocks: int) -> None:
        """Mine blocks, and wait until all nodes that run know of them."""
        self.miner.mine(blocks)
        self.wait_for_height()

    def let_go(self) -> None:
        """Let go of what earlier tests have left locked, and wait until that has gone back."""
        for node in self.nodes:
            params = {"pending_only": "true", "num_max_invoices": 10_000}
            for invoice in node.get("/v1/invoices", **params)["invoices"]:
                if invoice["htlcs"]:
                    node.post("/v2/invoices/cancel", {"payment_hash": invoice["r_hash"]})
        self.wait_for_rest()

    def wait_for_rest(self, payment_hash: str | None = None) -> None:
        """Wait until a payment is in no channel any more; then balances stay as they are.

        Args:
            payment_hash: which payment; ``None`` for all of them.
        """

        def quiet() -> None:
            for node in self.nodes:
                for htlc in node.pending():
                    if payment_hash in (None, base64.b64decode(htlc["hash_lock"]).hex()):
                        raise NotYet(f"a payment is on its way in a channel of {node.name}")

        wait_for(quiet)

    def mine_slowly(self, blocks: int) -> None:
        """Mine blocks so that nodes can let go of locked money before its time lock ends.

        Else they go to the chain with it, and close the channel.
        """
        for _ in range(0, blocks, 3):
            self.mine(3)
            wait_for(self._nothing_is_about_to_end)

    def _nothing_is_about_to_end(self) -> None:
        soon = self.miner.height + 9
        for node in self.nodes:
            if any(htlc["expiration_height"] <= soon for htlc in node.pending()):
                raise NotYet(f"{node.name} still holds a payment that ends soon")

    def wait_for_height(self) -> None:
        """Wait until the nodes know of all blocks."""
        height = self.miner.height

        def known() -> None:
            for node in self.nodes:
                info = node.get("/v1/getinfo")
                if info["block_height"] < height or not info["synced_to_chain"]:
                    raise NotYet(f"{node.name} is at {info['block_height']} of {height}")

        wait_for(known)

    def _start(self) -> None:
        self.chain.start()
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(Lnd.start, self.nodes))
        addresses = [node.get("/v1/newaddress")["address"] for node in (self.payer, self.ours)]
        self.miner.start(*addresses, beside=self.chain)
        self.miner.mine(450)
        with ThreadPoolExecutor(len(self.nodes)) as pool:
            list(pool.map(Lnd.ready, self.nodes))
        self.wait_for_height()
        self._open_channel(self.payer, self.ours)
        self._open_channel(self.ours, self.receiver)
        self._wait_for_routes()

    def _open_channel(self, from_: Lnd, to: Lnd) -> None:
        peer = {"pubkey": to.public_key, "host": f"127.0.0.1:{to.peer_port}"}
        from_.post("/v1/peers", {"addr": peer, "perm": True})
        channel = {
            "node_pubkey": base64.b64encode(bytes.fromhex(to.public_key)).decode(),
            "local_funding_amount": CHANNEL_SATS,
            "push_sat": PUSHED_SATS,
        }
        wait_for(lambda: _open(from_, channel))

        def funded() -> None:
            if not self.miner.waiting:
                raise NotYet("the miner does not know of the channel")

        wait_for(funded)
        self.mine(6)

    def _wait_for_routes(self) -> None:
        """Wait until each node knows of both channels, and both are open."""

        def known() -> None:
            for node in self.nodes:
                edges = node.get("/v1/graph")["edges"]
                ready = [edge for edge in edges if edge["node1_policy"] and edge["node2_policy"]]
                if len(ready) < 2:
                    raise NotYet(f"{node.name} knows of {len(ready)} channels")

        wait_for(known)
        self.wait_for_channels()

    def wait_for_channels(self) -> None:
        """Wait until the peers of all channels are connected."""

        def active() -> None:
            for node in self.nodes:
                channels = node.get("/v1/channels")["channels"]
                if not channels or not all(channel["active"] for channel in channels):
                    raise NotYet(f"a channel of {node.name} is not active")

        wait_for(active)

    def _stop(self) -> None:
        _each(node.stop for node in self.nodes)
        _each((self.miner.stop, self.chain.stop))


def _open(node: Lnd, channel: dict[str, Any]) -> None:
    try:
        node.post("/v1/channels", channel)
    except AssertionError as error:  # not synchronised yet, or no money yet
        time.sleep(0.5)
        raise NotYet(str(error)) from None


def _each(ends: Iterable[Callable[[], None]]) -> None:
    with ExitStack() as stack:
        for end in ends:
            stack.callback(end)
