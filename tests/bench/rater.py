"""One rater's browser: it takes a slot, saves a draft, puts aside or submits, and sends again what found no answer."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import Random
from urllib.parse import urlencode

TOKEN = "a" * 32  # cross-site protection: the cookie and the header have to be the same
HIDDEN = re.compile(rb'name="(stamp|based_on|revision)" value="([^"]*)"')
# Seconds for which a request is sent again while the server does not answer.
PATIENCE = 30.0


class Held:
    """Which slots are in whose hands, as the raters see it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by: dict[int, int] = {}
        self.twice: list[int] = []

    def take(self, slot: int, rater: int) -> None:
        with self._lock:
            if self._by.setdefault(slot, rater) != rater:
                self.twice.append(slot)

    def give(self, slot: int) -> None:
        """Before the server hears of it: from then on it may give the slot to somebody else."""
        with self._lock:
            self._by.pop(slot, None)


class Rater:
    """A rater with one connection. Lists of milliseconds are those of saved labels."""

    def __init__(
        self,
        port: int,
        session: str,
        campaign: int,
        answers: Sequence[Mapping[str, str | Sequence[str]]],
        number: int,
        held: Held,
        rng: Random,
    ) -> None:
        self.number = number
        self.submitted: list[int] = []
        self.skipped = self.retried = 0
        self._queue = f"/campaigns/{campaign}/queue/"
        self._slot = re.compile(rf'action="{self._queue}(\d+)/"'.encode())
        self._answers, self._held, self._rng = answers, held, rng
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._headers = {
            "Cookie": f"sessionid={session}; csrftoken={TOKEN}",
            "X-CSRFToken": TOKEN,
            "Accept": "application/json",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def close(self) -> None:
        self._connection.close()

    def save(self, slot: int, hidden: Mapping[str, str] | None = None) -> float:
        """Submit; the milliseconds until it was acknowledged."""
        sent = {**self._rng.choice(self._answers), **(hidden or {}), "seconds": "12.5"}
        begin = time.perf_counter()
        self._ask("POST", f"{self._queue}{slot}/", sent)
        took = (time.perf_counter() - begin) * 1000
        self.submitted.append(slot)
        return took

    def work_until(self, end: float) -> list[float]:
        """Label until then, or until nothing is left."""
        took = []
        while time.monotonic() < end:
            page = self._ask("GET", self._queue)
            found = self._slot.search(page)
            if found is None:
                break
            slot = int(found[1])
            self._held.take(slot, self.number)
            hidden = {name.decode(): value.decode() for name, value in HIDDEN.findall(page)}
            page_stamp = hidden.get("stamp", "").partition(".")[0]
            hidden["stamp"] = f"{page_stamp}.1"
            self._ask("POST", f"{self._queue}{slot}/draft/", {**self._answers[0], **hidden})
            if self._rng.random() < 0.1:
                self._held.give(slot)
                sent = {**hidden, "stamp": f"{page_stamp}.2", "reason": "cannot judge", "words": "bench"}
                self._ask("POST", f"{self._queue}{slot}/skip/", sent, lost=404)
                self.skipped += 1
            else:
                took.append(self.save(slot, {**hidden, "stamp": f"{page_stamp}.2"}))
                self._held.give(slot)
        return took

    def _ask(
        self, method: str, path: str, sent: Mapping[str, str | Sequence[str]] | None = None, lost: int = 0
    ) -> bytes:
        """What the server answers; asked again where the connection broke. `lost`: an answer to a repetition that says
        that the first one was heard."""
        body = urlencode(sent, doseq=True) if sent is not None else None
        until = time.monotonic() + PATIENCE
        again = False
        while True:
            try:
                self._connection.request(method, path, body, self._headers)
                response = self._connection.getresponse()
                answer = response.read()
            except (OSError, http.client.HTTPException):
                if time.monotonic() > until:
                    raise
                with suppress(OSError):
                    self._connection.close()
                time.sleep(0.05)
                again = True
                self.retried += 1
                continue
            if response.status == 200 or (again and response.status in (lost, 409)):
                return answer
            raise RuntimeError(f"{path} answered {response.status}: {answer[:300]!r}")
