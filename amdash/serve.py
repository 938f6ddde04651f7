"""What `./run` does in its environment: servers, database, demonstration, worker and web, until Ctrl-C."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

import django
from django.core.management import call_command
from django.db import connections

from amdash import embedded
from amdash.processes import ProcessError, is_running, wait

# Seconds. A worker may finish what it does for this long; what it cannot finish is delivered again.
STOP_LIMIT = 10
START_LIMIT = 60
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


def main() -> None:
    try:
        if sys.argv[1:] == ["stop"]:
            stop()
        else:
            serve(_port())
    except ProcessError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        print("\nStopped.")


def serve(port: int) -> None:
    """Serve until a signal comes or a child dies; then stop everything that was started here."""
    for number in SIGNALS:
        # nohup ignores the end of the terminal; so do we then.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    _refuse_taken(port)
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(_lock())
        # Asked before, so that a start which is interrupted is undone as well.
        stack.callback(embedded.stop, only=set(embedded.BOTH) - set(embedded.running()))
        embedded.ensure()
        _prepare()
        # The page is what somebody waits for, so the worker starts when it is there.
        web = stack.enter_context(_child("web", _web(port), lock))
        _wait_for_page(port, web)
        worker = stack.enter_context(_child("worker", _worker(), lock))
        print("\namdash runs; Ctrl-C stops it. This link signs you in:")
        call_command("signin_link")
        print(f"The worker's log is {worker.log}.", flush=True)
        while True:
            _refuse_dead(web)
            _refuse_dead(worker)
            time.sleep(0.5)


def stop() -> None:
    """End a serving `./run`, even one that was killed and left its children behind, then the servers."""
    holders = _holders()
    for pid in holders:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    if not wait(lambda: not _holders(), 3 * STOP_LIMIT):
        raise ProcessError(f"amdash (process {_holders()[0]}) did not stop.")
    stopped = [*(["amdash"] if holders else []), *embedded.stop()]
    print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


def _web(port: int) -> list[str]:
    command = f"gunicorn amdash.wsgi --bind 127.0.0.1:{port} --worker-class gthread --workers 2 --threads 4"
    # Loaded once and forked, which halves the start.
    command += " --preload --graceful-timeout 5 --no-control-socket --access-logfile -"
    command += " --logger-class amdash.weblog.AccessLog"
    # Neither who asks, nor with which browser, nor the ids that a crowd platform puts into a link's query.
    return [*command.split(), "--access-logformat", "%(t)s %(m)s %(U)s %(s)s %(B)s"]


def _worker() -> list[str]:
    command = "celery -A amdash worker --loglevel info --without-mingle --without-gossip --concurrency"
    concurrency = os.environ.get("WORKER_CONCURRENCY", "2")
    return [*command.split(), concurrency, "--beat", "--schedule", str(embedded.var() / "beat-schedule")]


def _prepare() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amdash.settings")
    django.setup()
    print("Preparing the database …", flush=True)
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("demo", if_empty=True)
    connections.close_all()


@contextlib.contextmanager
def _child(name: str, module: list[str], lock: IO[str]) -> Iterator[Child]:
    """A process that runs beside us. It holds the lock too, so that the lock tells whether any is left."""
    log = embedded.var() / "log" / f"{name}.log"
    log.parent.mkdir(exist_ok=True)
    if log.exists():
        log.rename(log.with_suffix(".log.1"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            # As a module: the scripts in .venv/bin break where the path holds a space.
            [sys.executable, "-m", *module],
            cwd=embedded.ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[lock.fileno()],
            # Ctrl-C comes to us alone, and we end the children in order.
            start_new_session=True,
        )
    try:
        lock.write(f"{process.pid}\n")
        lock.flush()
        yield Child(name, process, log)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_LIMIT)
        # What is left of it, its own children included.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _refuse_dead(child: Child) -> None:
    if child.process.poll() is not None:
        end = child.log.read_text(errors="replace")[-2000:]
        raise ProcessError(f"The {child.name} process ended, so all was stopped. {child.log} ends:\n{end}")


def _wait_for_page(port: int, web: Child) -> None:
    def answers() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_LIMIT)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", "/healthz")
            return connection.getresponse().status < 500
        return False

    if not wait(answers, START_LIMIT, lambda: web.process.poll() is None):
        _refuse_dead(web)
        raise ProcessError(f"The web server does not answer. See {web.log}.")


def _port() -> int:
    value = os.environ.get("PORT") or "8000"
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise ProcessError(f"PORT must be a number from 1 to 65535, not {value!r}.")
    return int(value)


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ProcessError(f"Port {port} cannot be used: {error.strerror}.") from error
            another = "Stop what uses it (`./run stop`, if it is amdash) or choose another: PORT=8001 ./run"
            raise ProcessError(f"Port {port} is taken. {another}") from error


@contextlib.contextmanager
def _lock() -> Iterator[IO[str]]:
    """One `./run` at a time in one folder; the file names the processes that belong to it."""
    if holders := _holders():
        raise ProcessError(f"amdash runs here already (process {holders[0]}). Stop it first: ./run stop")
    embedded.var().mkdir(parents=True, exist_ok=True)
    with (embedded.var() / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield lock


def _holders() -> list[int]:
    """The processes of the `./run` that serves from this folder."""
    try:
        with (embedded.var() / "run.lock").open() as lock:
            pids = [int(line) for line in lock]
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return []
    except FileNotFoundError:
        return []
    return [pid for pid in pids if is_running(pid, "amdash")]


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Stopping takes moments and should not be interrupted itself.
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
