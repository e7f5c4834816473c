"""200 listeners and 50 clients at a web application: how late they hear, and whether it leaks.

``make bench-listeners`` runs it on a PostgreSQL of its own; the server is a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.postgres_server import PostgresServer
from tests.web.site import address_of

ROOT = Path(__file__).parents[1]
ACTORS = 50
LISTENERS = 200


@dataclass
class Heard:
    """What was measured.

    Args:
        performed_ms: how long a request took.
        told_ms: how long after its begin a listener had its receipt.
        errors: what went wrong.
    """

    performed_ms: list[float] = field(default_factory=list[float])
    told_ms: list[float] = field(default_factory=list[float])
    errors: list[str] = field(default_factory=list[str])


def main() -> None:
    """Run it and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as folder, PostgresServer() as server:
        served = _serve(folder, server.dsn())
        try:
            asyncio.run(_measure(address_of(served), served.pid, seconds))
        finally:
            served.terminate()
            served.communicate()


def _serve(folder: str, dsn: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    environment = os.environ | {"PYTHONPATH": paths, "DATABASE_URL": dsn}
    command = [sys.executable, "-m", "uvicorn", "--factory", "benchmarks.listened:app"]
    return subprocess.Popen(
        [*command, "--port", "0", "--no-access-log"],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


async def _measure(url: str, process: int, seconds: int) -> None:
    heard = Heard()
    begun: dict[str, float] = {}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        before = _memory_mib(process)
        listening = [
            asyncio.create_task(_listen(client, f"actor-{number % ACTORS}", begun, heard))
            for number in range(LISTENERS)
        ]
        await _wait_for(client, LISTENERS)
        until = time.monotonic() + seconds
        clients = (_act(client, f"actor-{number}", until, begun, heard) for number in range(ACTORS))
        await asyncio.gather(*clients)
        await asyncio.sleep(1)
        middle = _memory_mib(process)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
        await _wait_for(client, 0)
    print(f"{len(heard.performed_ms)} actions in {seconds} s, {LISTENERS} listeners")
    for name, times in (("performed", heard.performed_ms), ("told", heard.told_ms)):
        times.sort()
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        print(f"{name:10} p50 {p50:7.1f} ms   p99 {p99:7.1f} ms   of {len(times)}")
    print(f"memory     {before:.0f} MiB before, {middle:.0f} MiB after; no listener is left")
    print(f"errors     {len(heard.errors)} {sorted(set(heard.errors))[:3]}")
    sys.exit(1 if heard.errors else 0)


async def _act(
    client: httpx.AsyncClient, actor: str, until: float, begun: dict[str, float], heard: Heard
) -> None:
    number = 0
    while time.monotonic() < until:
        number += 1
        text = f"{actor} {number}"
        begun[text] = start = time.monotonic()
        answer = await client.post("/actions/line", json={"text": text}, headers={"x-actor": actor})
        heard.performed_ms.append((time.monotonic() - start) * 1000)
        if answer.status_code != httpx.codes.CREATED:
            heard.errors.append(f"{answer.status_code} {answer.text[:80]}")


async def _listen(
    client: httpx.AsyncClient, actor: str, begun: dict[str, float], heard: Heard
) -> None:
    try:
        async with _stream(client, actor) as lines:
            async for line in lines:
                if line.startswith("data: {"):
                    text = json.loads(line[6:])["arguments"]["text"]
                    heard.told_ms.append((time.monotonic() - begun[text]) * 1000)
    except httpx.HTTPError as error:
        heard.errors.append(type(error).__name__)


@asynccontextmanager
async def _stream(client: httpx.AsyncClient, actor: str) -> AsyncIterator[AsyncIterator[str]]:
    async with client.stream("GET", "/events", headers={"x-actor": actor}) as answer:
        yield answer.aiter_lines()


async def _wait_for(client: httpx.AsyncClient, listeners: int) -> None:
    until = time.monotonic() + 60
    while (await client.get("/health")).json()["listening"] != listeners:
        if time.monotonic() > until:
            raise RuntimeError(f"there are not {listeners} listeners")
        await asyncio.sleep(0.1)


def _memory_mib(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
