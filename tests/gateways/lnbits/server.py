"""A real LNbits from PyPI, on loopback, with a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from tests.gateways.environments import installed
from tests.postgres_server import free_port

VERSION = "1.6.2"
PYTHONS = ("3.11", "3.12")
CONSTRAINTS = Path(__file__).with_name("constraints.txt")
START_SECONDS = 120
STOP_SECONDS = 30
LOG_LINES = 60

SETTINGS = {
    "AUTH_SECRET_KEY": "only-for-tests-only-for-tests-00",
    "LNBITS_ADMIN_UI": "true",
    "LNBITS_BACKEND_WALLET_CLASS": "FakeWallet",
    "LNBITS_CALLBACK_ALLOW_PRIVATE_IPS": "true",  # webhooks come to loopback
    "LNBITS_CALLBACK_URL_RULES": r'["http://127\\.0\\.0\\.1:\\d+"]',
    "LNBITS_EXCHANGE_RATE_PROVIDERS": "[]",  # else it asks the internet for prices
    "LNBITS_PRICE_AGGREGATOR_ENABLED": "false",
    "LNBITS_FUNDING_SOURCE_PAY_INVOICE_WAIT_SECONDS": "3",
    "LNBITS_RATE_LIMIT_NO": "1000000",
}


@dataclass(frozen=True, slots=True)
class ServerWallet:
    """A wallet there, of a user of its own."""

    wallet_id: str
    admin_key: str = field(repr=False)
    invoice_key: str = field(repr=False)


class LnbitsServer:
    """An LNbits, our own child process.

    Args:
        folder: for its database and its log.
        settings: more of its settings, as environment variables.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._settings = SETTINGS | dict(settings or {})
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ""
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        (self._folder / "logs").mkdir(parents=True, exist_ok=True)
        (self._folder / "more" / "extensions").mkdir(parents=True, exist_ok=True)
        self.start()
        owner = {"username": "owner", "password": "only for tests"}
        answer = self.client.put(
            "/api/v1/auth/first_install", json=owner | {"password_repeat": owner["password"]}
        )
        answer.raise_for_status()
        self._token = answer.json()["access_token"]
        self.client.cookies.clear()
        return self

    def __exit__(self, *_: object) -> None:
        self.resume()
        self.stop()
        self.client.close()

    # The process.

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = installed(f"lnbits=={VERSION}", CONSTRAINTS, PYTHONS)
        environment = os.environ | self._settings
        environment |= {"HOST": "127.0.0.1", "PORT": str(self.port)}
        environment |= {"LNBITS_DATA_FOLDER": str(self._folder)}
        environment |= {"LNBITS_EXTENSIONS_PATH": str(self._folder / "more")}
        serve = ["-m", "uvicorn", "lnbits.__main__:app", "--no-access-log"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), *serve, "--host", "127.0.0.1", "--port", str(self.port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment,
                # It looks for its static files in the folder that it is started in.
                cwd=next(program.parents[1].glob("lib/python3.*/site-packages")),
            )
        self._wait_until_ready(self._process)

    def stop(self) -> None:
        """End it as an operator would."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self) -> None:
        """Let it die, as in a power failure."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def pause(self) -> None:
        """Let it stand still: the system takes connections for it, and nobody answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def log(self) -> str:
        """The last lines that it wrote."""
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return "\n".join(lines[-LOG_LINES:])

    # What its users do.

    def new_wallet(self, name: str, balance_sats: int = 0) -> ServerWallet:
        """A new user with one wallet, and what its owner gives him."""
        made = self._json(self.client.post("/api/v1/account", json={"name": name}))
        wallet = ServerWallet(made["id"], made["adminkey"], made["inkey"])
        if balance_sats:
            self.credit(wallet, balance_sats)
        return wallet

    def credit(self, wallet: ServerWallet, amount_sats: int) -> None:
        """The owner of the server gives a wallet money."""
        owner = {"Authorization": f"Bearer {self._token}"}
        body = {"id": wallet.wallet_id, "amount": amount_sats}
        self._json(self.client.put("/users/api/v1/balance", headers=owner, json=body))

    def pay(self, payer: ServerWallet, payment_request: str) -> httpx.Response:
        """Let a wallet pay an invoice."""
        return self.client.post(
            "/api/v1/payments",
            headers={"X-Api-Key": payer.admin_key},
            json={"out": True, "bolt11": payment_request},
        )

    def invoice(self, receiver: ServerWallet, amount_sats: int, **more: Any) -> dict[str, Any]:
        """Let a wallet make an invoice."""
        body = {"out": False, "amount": amount_sats, "memo": "an invoice"} | more
        keys = {"X-Api-Key": receiver.invoice_key}
        return self._json(self.client.post("/api/v1/payments", headers=keys, json=body))

    def rows(self, wallet: ServerWallet, **filters: str) -> list[dict[str, Any]]:
        """What it keeps of a wallet's payments."""
        path, keys = "/api/v1/payments/paginated", {"X-Api-Key": wallet.invoice_key}
        return self._json(self.client.get(path, params=filters, headers=keys))["data"]

    def balance_msats(self, wallet: ServerWallet) -> int:
        """What a wallet has."""
        keys = {"X-Api-Key": wallet.invoice_key}
        return self._json(self.client.get("/api/v1/wallet", headers=keys))["balance"]

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _json(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, f"{answer.status_code} {answer.text}\n{self.log()}"
        return answer.json()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                if self.client.get("/api/v1/health", timeout=5).status_code < 500:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        log = self.log()
        self.kill()
        raise RuntimeError(f"LNbits did not start:\n{log}")
