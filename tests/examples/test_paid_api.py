"""examples/paid_api: both programs as a reader starts them, with a real server between them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_buy_a_call(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    command = [sys.executable, "-m", "uvicorn", "examples.paid_api.server:app", "--port", "0"]
    server = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        url = address(server)
        buying = (
            f"import httpx; from examples.paid_api.client import buy, SandboxGateway;"
            f"print(buy(httpx.Client(base_url={url!r}), '/count',"
            f" SandboxGateway('bank.db', sandbox=True), text='three short words'))"
        )
        bought = subprocess.run(
            [sys.executable, "-c", buying],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        server.terminate()
        server.communicate()
    to_pay, answer = bought.stdout.splitlines()
    assert to_pay.startswith("to pay: {'amount': 10000, 'currency': 'BTC'} sandbox:")
    assert answer == "{'words': 3}"


def address(server: subprocess.Popen[str]) -> str:
    """Where the server says that it listens."""
    assert server.stderr is not None
    for line in server.stderr:
        if found := re.search(r"running on (http://[\d.:]+)", line):
            return found[1]
    raise AssertionError("it did not start")
