"""Programs for tests that need a virtual environment of their own, installed once for each version.

They lie in a cache outside of the clone: ``PAIDFLOW_CACHE``, or ``~/.cache/paidflow``.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def cache() -> Path:
    """The folder that programs are installed in."""
    folder = Path(os.environ.get("PAIDFLOW_CACHE") or Path.home() / ".cache" / "paidflow")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def installed(name: str, constraints: Path, pythons: Sequence[str]) -> Path:
    """The Python of an environment with one package, which is made now if it is not there.

    Args:
        name: the package and its version, such as ``lnbits==1.6.2``.
        constraints: all versions, one a line; another file makes another environment.
        pythons: the versions of Python that it runs on, the preferred one first.

    Raises:
        RuntimeError: when it cannot be installed.
    """
    version = hashlib.sha256(constraints.read_bytes()).hexdigest()[:8]
    folder = cache() / f"{name.replace('==', '-')}-{version}"
    program, done = folder / "bin" / "python", folder / ".installed"
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # workers of pytest-xdist come here at once
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run([_python(pythons), "-m", "venv", str(folder)])
            _run([str(program), "-m", "pip", "install", "--quiet", name, "-c", str(constraints)])
            done.touch()
    return program


def _python(versions: Sequence[str]) -> str:
    running = "{}.{}".format(*sys.version_info)
    if running in versions:
        return sys.executable
    for version in versions:
        found = shutil.which(f"python{version}")
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            return found
    raise RuntimeError(f"this needs one of Python {', '.join(versions)}")


def _run(command: list[str]) -> None:
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{ran.stdout}{ran.stderr}")
