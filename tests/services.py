"""Servers for tests, each on a port of its own with its state in a folder of its own; and a Java runtime for Spark."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parents[1]
START_S = 30.0
TRIES = 5


def program(name: str) -> str:
    """Where a program of `make services` lies; the test fails when it is missing."""
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", str(ROOT / ".services" / "bin")])
    # Debian keeps the programs of PostgreSQL in a folder of their release.
    places += "".join(f"{os.pathsep}{folder}" for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin")))
    found = shutil.which(name, path=places)
    if found is None:
        pytest.fail(f"{name} is missing: run make services", pytrace=False)
    return found


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


class Server:
    """A server process at `port` of 127.0.0.1, its state in `folder`; it can be killed and started again."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder, self.port = name, folder, 0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it listens: at the port it had before, if any."""
        for _ in range(TRIES):
            port = self.port or free_port()
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    self._command(port), cwd=self.folder, stdout=log, stderr=log, start_new_session=True
                )
            if self._listens(port):
                self.port = port
                return
            self.stop()
        log_text = (self.folder / "log").read_text("utf-8", "replace")
        pytest.fail(f"{self.name} does not start:\n{log_text[-2000:]}", pytrace=False)

    def stop(self) -> None:
        """Kill it, as a crash would; what it wrote stays."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _command(self, port: int) -> list[str]:
        command, home = program(self.name), str(self.folder)
        if self.name == "redis-server":
            return [command, "--port", str(port), "--bind", "127.0.0.1", "--dir", home, "--appendonly", "yes"]
        return [command, "-js", "-sd", home, "-a", "127.0.0.1", "-p", str(port)]

    def _listens(self, port: int) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                # What listens there must be ours: a server that lost its port to another one ends at once.
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self._process.poll() is None
        return False


class PostgresServer(Server):
    """A PostgreSQL server; it refuses to run as root, so root starts it as the user that Debian made for it."""

    def __init__(self, folder: Path) -> None:
        super().__init__("postgres", folder)
        self._as: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
            self._as = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        # Beside each other they lie as real files; a command of .services/bin only leads to them.
        first = [program("initdb"), "-D", str(folder / "data"), "-U", "tally", "-A", "trust", "-E", "UTF8", "-N"]
        subprocess.run([*self._as, *first], cwd=folder, check=True, capture_output=True)

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgresql://tally@127.0.0.1:{self.port}/postgres"

    def _command(self, port: int) -> list[str]:
        home = str(self.folder)
        options = ("-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=16MB", "-c", "max_connections=20")
        return [*self._as, program("postgres"), "-D", f"{home}/data", "-k", home, "-p", str(port), *options]

    def stop(self) -> None:
        """Kill it with the processes that it made, which have groups of their own, and wait until they are gone."""
        made = self._children()
        super().stop()
        for child in made:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        deadline = time.monotonic() + START_S
        while any(map(_runs, made)) and time.monotonic() < deadline:
            time.sleep(0.01)

    def _children(self) -> list[int]:
        if self._process is None:
            return []
        pid = self._process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def _listens(self, port: int) -> bool:
        """It listens before it has recovered, and answers after that."""
        deadline = time.monotonic() + START_S
        while super()._listens(port) and time.monotonic() < deadline:
            try:
                psycopg.connect(f"postgresql://tally@127.0.0.1:{port}/postgres", connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        return False


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _running(name: str, folder: Path) -> Iterator[Server]:
    server = Server(name, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis server of this module's own."""
    yield from _running("redis-server", tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="module")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A NATS server with JetStream of this module's own."""
    yield from _running("nats-server", tmp_path_factory.mktemp("nats"))


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this module's own."""
    # A test's folder is closed to other users, and the path of a socket must be short.
    with tempfile.TemporaryDirectory(prefix="postgres") as folder:
        server = PostgresServer(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="module")
def java_home() -> Iterator[Path]:
    """The folder of a Java runtime; JAVA_HOME names it while the module runs."""
    named = Path(os.environ.get("JAVA_HOME", ""), "bin", "java")
    unpacked = ROOT / ".services" / "java" / "bin" / "java"
    java = next((path for path in (named, unpacked) if path.is_file()), None) or Path(program("java"))
    home = java.resolve().parents[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_HOME", str(home))
        yield home
