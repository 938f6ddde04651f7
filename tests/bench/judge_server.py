"""An endpoint for the bench, in a process of its own: python -m tests.bench.judge_server PORT.

It answers after a while, fails as often as it is told to, and counts what it bills: every completion that it made,
whoever is left to read it. POST /set {"latency", "server_error", "rate_limited", "cut", "garbage", "refusal"} starts
the counts anew; GET /stats tells them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

FAILURES = ("server_error", "rate_limited", "cut", "garbage", "refusal")
COMPLETION_TOKENS = 60
HEAD = "HTTP/1.1 {} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n"


@dataclass
class Stats:
    """`busy` is the sum of the seconds that calls were in the server's hands; `last` when the newest came."""

    calls: int = 0
    failed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FAILURES, 0))
    tokens_in: int = 0
    tokens_out: int = 0
    busy: float = 0.0
    at_once: int = 0
    most_at_once: int = 0
    last: float = 0.0
    now: float = 0.0


class Server:
    def __init__(self) -> None:
        self.stats = Stats()
        self.latency = 0.1
        self.shares = dict.fromkeys(FAILURES, 0.0)
        self.random = random.Random(1)
        self._since = time.monotonic()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split(" ", 2)
        length = next((int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0)
        body = json.loads(await reader.readexactly(length)) if length else {}
        if path.endswith("/chat/completions"):
            return await self._call(writer, body)
        if method == "POST":
            self.latency = body["latency"]
            self.shares = {name: body.get(name, 0.0) for name in FAILURES}
            self.stats, self._since = Stats(), time.monotonic()
        self._pass()
        await _send(writer, 200, asdict(self.stats))
        return True

    async def _call(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> bool:
        self._pass()
        self.stats.calls += 1
        self.stats.last = time.time()
        self.stats.at_once += 1
        self.stats.most_at_once = max(self.stats.most_at_once, self.stats.at_once)
        failure = self._failure()
        await asyncio.sleep(self.latency * self.random.uniform(0.8, 1.2))
        self._pass()
        self.stats.at_once -= 1
        if failure == "server_error":
            await _send(writer, 500, {"error": {"message": "overloaded"}})
        elif failure == "rate_limited":
            await _send(writer, 429, {"error": {"message": "slow down"}}, "Retry-After: 1\r\n")
        else:
            return await self._complete(writer, body, failure)
        return True

    async def _complete(self, writer: asyncio.StreamWriter, body: dict[str, Any], failure: str) -> bool:
        system, user = (message["content"] for message in body["messages"])
        tokens = (len(system) + len(user)) // 4
        self.stats.tokens_in += tokens
        self.stats.tokens_out += COMPLETION_TOKENS
        message: dict[str, Any] = {"role": "assistant", "content": _answer(user)}
        if failure == "garbage":
            message["content"] = "Well, it depends."
        if failure == "refusal":
            message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
        said = {
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": tokens, "completion_tokens": COMPLETION_TOKENS},
        }
        await _send(writer, 200, said, cut=failure == "cut")
        return failure != "cut"

    def _failure(self) -> str:
        drawn = self.random.random()
        for name, share in self.shares.items():
            if drawn < share:
                self.stats.failed[name] += 1
                return name
            drawn -= share
        return ""

    def _pass(self) -> None:
        """Count the time that went by."""
        now = time.monotonic()
        self.stats.busy += self.stats.at_once * (now - self._since)
        self._since, self.stats.now = now, time.time()


def _answer(user: str) -> str:
    """The same about the same transcript, with a quote from the middle of it."""
    middle = len(user) // 2
    quote = " ".join(user[middle : middle + 80].split(" ")[1:-1])
    yes = hashlib.sha256(user.encode()).digest()[0] < 50
    return json.dumps({"verdict": "yes" if yes else "no", "quotes": [quote], "reason": "So it stands there."})


async def _send(writer: asyncio.StreamWriter, status: int, body: Any, more: str = "", *, cut: bool = False) -> None:
    data = json.dumps(body).encode()
    writer.write(HEAD.format(status, len(data), more).encode() + (data[: len(data) // 2] if cut else data))
    await writer.drain()


async def main(port: int) -> None:
    server = await asyncio.start_server(Server().serve, "127.0.0.1", port, limit=2**20, backlog=512)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
