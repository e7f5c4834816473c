"""examples/paid_api: both programs as a reader starts them, with a real server between them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.web.site import address_of

ROOT = Path(__file__).parents[2]


def test_buy_a_call(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    command = [sys.executable, "-m", "uvicorn", "examples.paid_api.server:app", "--port", "0"]
    server = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        url = address_of(server)
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
