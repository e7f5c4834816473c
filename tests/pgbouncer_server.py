"""A real PgBouncer in transaction mode in front of a PostgreSQL, for `make test-pgbouncer`."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.postgres_server import START_SECONDS, STOP_SECONDS, free_port, unprivileged_user

MISSING = "make test-pgbouncer needs PgBouncer; on Debian: apt-get install pgbouncer"
PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
SESSIONS = 4
"""How many sessions of the server it shares among all clients of a database."""


class PgBouncer:
    """A throwaway PgBouncer, our own child process.

    Args:
        dsn: the PostgreSQL server behind it.
    """

    def __init__(self, dsn: str) -> None:
        self._server = conninfo_to_dict(dsn)
        self._owner = os.getpid()
        self._port = 0
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def program() -> str | None:
        """Where the program is; Debian puts it where only root looks."""
        return shutil.which("pgbouncer", path=PLACES)

    def dsn(self, dsn: str) -> str:
        """The way through PgBouncer to the same database."""
        return make_conninfo(dsn, host="127.0.0.1", port=self._port)

    def __enter__(self) -> Self:
        program = self.program()
        if program is None:
            raise RuntimeError(MISSING)
        atexit.register(self.stop)
        self._folder = Path(tempfile.mkdtemp(prefix="paidflow-pgbouncer-", dir="/tmp"))
        self._folder.chmod(0o755)
        self._port = free_port()
        self._write_settings(self._folder / "settings.ini")
        user = unprivileged_user()
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, str(self._folder / "settings.ini")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops us
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it and remove its folder."""
        if os.getpid() != self._owner:  # a forked child runs our atexit handlers too
            return
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None
        atexit.unregister(self.stop)

    def _write_settings(self, file: Path) -> None:
        host, port, user = (self._server[key] for key in ("host", "port", "user"))
        file.write_text(
            "[databases]\n"
            f"* = host={host} port={port} user={user}\n"
            "[pgbouncer]\n"
            "pool_mode = transaction\n"
            "listen_addr = 127.0.0.1\n"
            f"listen_port = {self._port}\n"
            "unix_socket_dir =\n"
            "auth_type = any\n"
            "max_client_conn = 1000\n"
            f"default_pool_size = {SESSIONS}\n"
            "idle_transaction_timeout = 30\n"
            "server_login_retry = 1\n"
            "server_round_robin = 1\n",  # so that nobody gets the same session twice by luck
            encoding="utf-8",
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._process is not None and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    break
                time.sleep(0.02)
        log = (self._folder / "log").read_text(errors="replace") if self._folder else ""
        self.stop()
        raise RuntimeError(f"PgBouncer did not start:\n{log}")
