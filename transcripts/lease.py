"""A lease says that somebody is at a job. It is renewed beside the work, which cannot keep it from being renewed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import Error, connection

# Long enough to outlast a restart of the database.
LEASE = timedelta(seconds=60)
# How often a job's row is written, and how soon a cancellation is seen.
BEAT_SECONDS = 1.0


@contextmanager
def renewed(beat: Callable[[], None], name: str) -> Iterator[None]:
    """Call `beat` for as long as the block runs, in a thread `name` with a connection of its own.

    A database that is away for a while does not end the block.
    """
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(BEAT_SECONDS):
            try:
                beat()
            except Error:
                connection.close()  # a new one is tried at the next beat
        connection.close()

    thread = threading.Thread(target=keep, name=f"lease-{name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
