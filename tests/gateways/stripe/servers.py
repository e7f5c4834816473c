"""Programs that speak Stripe's API, on loopback: localstripe from PyPI, stripe-mock built by Go."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.gateways.environments import cache, installed
from tests.postgres_server import free_port

LOCALSTRIPE = "localstripe==1.15.10"
STRIPE_MOCK = "v0.203.0"
PYTHONS = ("3.11", "3.12", "3.13")
START_S = 60
BUILD_S = 1200
GO_FOLDER = "/usr/local/go/bin"
"""Where Go is installed by default (https://go.dev/doc/install), if it is not in the path."""

_HERE = Path(__file__).parent


@contextmanager
def localstripe(log: Path) -> Iterator[str]:
    """The address of a localstripe that remembers nothing yet."""
    python = installed(LOCALSTRIPE, _HERE / "constraints.txt", PYTHONS)
    port = free_port()
    with _serving([str(python), str(_HERE / "localstripe_program.py"), str(port)], log):
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/v1/balance", log)
        yield url


@contextmanager
def stripe_mock(log: Path) -> Iterator[str]:
    """The address of a stripe-mock, which checks requests and answers with examples."""
    port, other = free_port(), free_port()
    addresses = ["-http-addr", f"127.0.0.1:{port}", "-https-addr", f"127.0.0.1:{other}"]
    with _serving([str(_built()), *addresses], log):
        url = f"http://127.0.0.1:{port}"
        _wait(f"{url}/v1/balance", log)
        yield url


def _built() -> Path:
    """stripe-mock, built once.

    Raises:
        RuntimeError: when it cannot be built.
    """
    folder = cache() / f"stripe-mock-{STRIPE_MOCK}"
    program = folder / "stripe-mock"
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers of pytest-xdist come here at once
        if not program.exists():
            go = shutil.which("go") or shutil.which("go", path=GO_FOLDER)
            if go is None:
                raise RuntimeError("stripe-mock cannot be built, because Go is not installed")
            built = subprocess.run(
                [go, "install", f"github.com/stripe/stripe-mock@{STRIPE_MOCK}"],
                env=os.environ | {"GOBIN": str(folder)},
                capture_output=True,
                text=True,
                timeout=BUILD_S,
            )
            if built.returncode:
                raise RuntimeError(f"stripe-mock cannot be built:\n{built.stderr}")
    return program


@contextmanager
def _serving(command: Sequence[str], log: Path) -> Iterator[None]:
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=written, stderr=written
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, log: Path) -> None:
    give_up_at = time.monotonic() + START_S
    while time.monotonic() < give_up_at:
        try:
            if httpx.get(url, auth=("sk_test_12345", ""), trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer:\n{log.read_text()}")
