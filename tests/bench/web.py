"""The product's web server on one of the bench's databases, and a client that is signed in."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from amdash import embedded, serve
from amdash.processes import wait
from tests.bench.databases import Database

START_LIMIT = 60


class Client:
    """One browser that is signed in."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {"Accept-Encoding": "gzip"}

    def sign_in(self, link: str) -> None:
        self._connection.request("GET", urlsplit(link).path)
        response = self._connection.getresponse()
        response.read()
        cookies = [value.partition(";")[0] for value in response.headers.get_all("Set-Cookie", [])]
        self._headers["Cookie"] = "; ".join(cookies)

    def close(self) -> None:
        self._connection.close()

    def get(self, path: str) -> bytes:
        """The body as it travels. RuntimeError unless the page is there."""
        try:
            self._connection.request("GET", path, headers=self._headers)
            response = self._connection.getresponse()
        except http.client.RemoteDisconnected:  # it was idle for too long
            self._connection.request("GET", path, headers=self._headers)
            response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} answered {response.status}: {body[:200]!r}")
        return body

    def timed(self, path: str) -> float:
        """Milliseconds until the whole page is there."""
        begin = time.perf_counter()
        self.get(path)
        return (time.perf_counter() - begin) * 1000


@dataclass(frozen=True)
class Server:
    """A web server that runs."""

    port: int
    pid: int

    def workers(self) -> list[int]:
        """The processes that answer."""
        return [int(child) for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]


@contextmanager
def web(database: Database) -> Iterator[Client]:
    """A web server on the database, and a client of it."""
    with served(database) as server, closing(Client(server.port)) as client:
        client.sign_in(database.manage("signin_link").strip())
        yield client


@contextmanager
def served(database: Database) -> Iterator[Server]:
    """A web server on the database, once it answers."""
    database.manage("collectstatic", "--no-input", "--verbosity", "0")
    port = _free_port()
    # The very command that `./run` starts.
    command = [sys.executable, "-m", *serve._web(port)]
    log = database.home.folder / "web.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=embedded.ROOT, env=database.environment, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            if not wait(lambda: _answers(port), START_LIMIT, lambda: process.poll() is None):
                raise RuntimeError(f"The web server does not answer; {log} says why.")
            yield Server(port, process.pid)
        finally:
            process.terminate()
            process.wait(START_LIMIT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_LIMIT)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
