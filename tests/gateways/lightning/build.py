"""Builds lnd, lncli and btcd from the module proxy of Go, once for each version.

``python tests/gateways/lightning/build.py`` prints the folder of the programs. The versions are in
``go.mod``. What lnd replaces of its own dependencies is repeated there, as Go asks for.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
PROGRAMS = {
    "btcd": "github.com/btcsuite/btcd",
    "lnd": "github.com/lightningnetwork/lnd/cmd/lnd",
    "lncli": "github.com/lightningnetwork/lnd/cmd/lncli",
}
TAGS = "invoicesrpc routerrpc signrpc walletrpc chainrpc"
"""The parts of lnd's interface that are in its releases, too."""

GO_FOLDER = "/usr/local/go/bin"
"""Where Go is installed by default (https://go.dev/doc/install), if it is not in the path."""


class NoGo(Exception):
    """Go is not installed, so nothing can be built."""


def programs() -> Path:
    """The folder of the programs; builds them if they are not there, which takes long.

    Raises:
        NoGo: when they are not there and cannot be built.
    """
    folder = _cache() / f"lightning-{_version()}"
    if _complete(folder):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _complete(folder):
            _build(folder, _go())
    return folder


def _complete(folder: Path) -> bool:
    return all((folder / name).exists() for name in PROGRAMS)


def _build(folder: Path, go: str) -> None:
    started = time.monotonic()
    print(f"lnd and btcd are built into {folder}: up to half an hour, once", file=sys.stderr)
    for name, package in PROGRAMS.items():
        half_built = folder / f"{name}.new"
        command = [go, "build", "-mod=readonly", "-buildvcs=false", "-ldflags=-s -w"]
        command += ["-tags", TAGS, "-o", str(half_built), package]
        subprocess.run(command, cwd=HERE, check=True)
        half_built.rename(folder / name)
    print(f"built in {time.monotonic() - started:.0f} s", file=sys.stderr)


def _go() -> str:
    found = shutil.which("go") or shutil.which("go", path=GO_FOLDER)
    if found is None:
        raise NoGo("lnd cannot be built, because Go is not installed: https://go.dev/doc/install")
    return found


def _version() -> str:
    """The version of lnd, and a digest of all that is built from."""
    module = (HERE / "go.mod").read_text()
    lnd = re.search(r"lightningnetwork/lnd (v\S+)", module)
    assert lnd is not None, "go.mod names lnd"
    digest = hashlib.sha256(f"{module}{PROGRAMS}{TAGS}".encode()).hexdigest()
    return f"{lnd[1]}-{digest[:8]}"


def _cache() -> Path:
    return Path(os.environ.get("PAIDFLOW_CACHE") or Path.home() / ".cache" / "paidflow")


if __name__ == "__main__":
    try:
        print(programs())
    except NoGo as error:
        sys.exit(str(error))
