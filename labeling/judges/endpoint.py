"""Calls an OpenAI-compatible endpoint, many at once, from a thread of its own.

What may pass is tried again: no connection, a stream that is cut, 429 and 5xx, after a wait that doubles and is never
twice the same. What will not pass is an error at once. Nothing here knows transcripts or the database.
"""

from __future__ import annotations

import asyncio
import queue
import random
import threading
from collections.abc import AsyncIterator, Hashable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from django.conf import settings

from labeling.judges.prompt import Prompt
from labeling.judges.protocol import Completion, NoCompletion, completion, message_of, seconds_to_wait

if TYPE_CHECKING:
    import httpx

TRIES = 6
# An endpoint that is busy says so, and when to come back: that is no failure of the call.
WAITS = 20
BACK_OFF = 0.5  # seconds, doubled with every try
LONGEST_BACK_OFF = 30.0
LARGEST = 2_000_000  # bytes of an answer
CONNECT_SECONDS = 10.0
REFUSED = {401, 402}  # the key or the account: nobody else's call would pass
# Kinds of errors that are the endpoint's and not the judge's answer to one transcript.
TECHNICAL = frozenset({"unreachable", "timeout", "cut off", "server error", "rate limited", "rejected", "refused"})


class NotConfigured(Exception):
    """There is no endpoint to call; the message says what to set."""


@dataclass(frozen=True)
class Endpoint:
    """Where to call, and what every call says besides its prompt."""

    url: str
    key: str = field(repr=False)
    model: str
    temperature: float
    max_tokens: int
    json_mode: bool = False
    timeout: float = 120.0

    def body(self, prompt: Prompt) -> bytes:
        asked: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
        }
        if self.json_mode:
            asked["response_format"] = {"type": "json_object"}
        return orjson.dumps(asked)


def base_url() -> str:
    """Raises NotConfigured."""
    if not settings.JUDGE_BASE_URL:
        raise NotConfigured(
            "No endpoint is set: JUDGE_BASE_URL names an OpenAI-compatible one, such as https://host/v1, and "
            "JUDGE_API_KEY is its key."
        )
    return str(settings.JUDGE_BASE_URL).rstrip("/")


@dataclass(slots=True)
class Reply:
    """How a question ended: with a completion, with an error, or unsent because it was called off."""

    completion: Completion | None = None
    kind: str = ""
    problem: str = ""
    calls: int = 0
    unmetered: int = 0  # calls that may have cost something that nobody told
    unsent: bool = False


@dataclass(frozen=True, slots=True)
class _Trouble:
    """One call that gave no completion."""

    kind: str
    problem: str
    again: bool
    metered: bool = True
    wait: float | None = None


class Caller:
    """At most so many calls at once and a minute. `put` asks, `done` holds what came of it, by the given name."""

    def __init__(self, endpoint: Endpoint, concurrency: int, per_minute: int | None = None) -> None:
        self.endpoint = endpoint
        self.done: queue.SimpleQueue[tuple[Hashable, Reply]] = queue.SimpleQueue()
        self._concurrency = concurrency
        self._apart = 60 / per_minute if per_minute else 0.0
        self._next = 0.0
        self._tasks: dict[Hashable, asyncio.Task[None]] = {}
        self._sending: set[Hashable] = set()
        self._ready = threading.Event()
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="judge-calls", daemon=True)

    def __enter__(self) -> Caller:
        self._thread.start()
        self._ready.wait()
        self.check()
        return self

    def __exit__(self, *error: object) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def check(self) -> None:
        """Raises where the thread has ended: nobody would answer any more."""
        if self._broken is not None:
            raise RuntimeError("the thread that calls the endpoint has ended") from self._broken

    def put(self, name: Hashable, prompt: Prompt) -> None:
        self._loop.call_soon_threadsafe(self._begin, name, prompt)

    def call_off(self, *, abort: bool = False) -> None:
        """Send nothing more. With `abort`, calls that are under way are not waited for either."""
        self._loop.call_soon_threadsafe(self._cancel, abort)

    def _work(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as problem:
            self._broken = problem
        finally:
            self._ready.set()

    async def _live(self) -> None:
        import httpx  # noqa: PLC0415 - slow import

        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.endpoint.key:
            headers["Authorization"] = f"Bearer {self.endpoint.key}"
        timeout = httpx.Timeout(self.endpoint.timeout, connect=min(CONNECT_SECONDS, self.endpoint.timeout))
        verified = httpx.create_ssl_context()
        async with AsyncExitStack() as stack:
            # A client, and so a connection, for each call at once: a pool looks all of its connections through every
            # time, which with many of them costs more than the call.
            for _ in range(self._concurrency):
                client = httpx.AsyncClient(headers=headers, timeout=timeout, verify=verified)
                self._free.put_nowait(await stack.enter_async_context(client))
            self._ready.set()
            await self._end.wait()
            self._cancel(True)
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _begin(self, name: Hashable, prompt: Prompt) -> None:
        reply = Reply()
        task = self._loop.create_task(self._ask(name, self.endpoint.body(prompt), reply))
        self._tasks[name] = task
        task.add_done_callback(lambda task: self._deliver(name, reply, task))

    def _deliver(self, name: Hashable, reply: Reply, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            reply.unsent = True
            reply.unmetered += name in self._sending  # it was under way: it may have been answered
            reply.calls += name in self._sending
        elif problem := task.exception():  # a mistake of ours: nobody is to wait for this answer for ever
            reply.kind, reply.problem = "failed", f"{type(problem).__name__}: {problem}"
        self._sending.discard(name)
        del self._tasks[name]
        self.done.put((name, reply))

    def _cancel(self, abort: bool) -> None:
        for name, task in list(self._tasks.items()):
            if abort or name not in self._sending:
                task.cancel()

    async def _ask(self, name: Hashable, body: bytes, reply: Reply) -> None:
        tries = waits = 0
        while True:
            async with self._slot() as client:
                await self._turn()
                self._sending.add(name)
                said = await self._call(client, body)
                self._sending.discard(name)
                reply.calls += 1
                if isinstance(said, Completion):
                    reply.completion = said
                    reply.unmetered += said.tokens_in is None
                    return
                reply.unmetered += not said.metered
                reply.kind, reply.problem = said.kind, said.problem
                tries, waits = tries + (said.wait is None), waits + (said.wait is not None)
                if not said.again or tries >= TRIES or waits >= WAITS:
                    return
                if said.wait is not None:  # with its slot: fewer calls at once is what was asked for
                    await asyncio.sleep(said.wait + random.uniform(0, BACK_OFF))
            if said.wait is None:
                longest = min(LONGEST_BACK_OFF, BACK_OFF * 2 ** (tries - 1))
                await asyncio.sleep(random.uniform(longest / 2, longest))

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[httpx.AsyncClient]:
        """One of the calls that may be made at once."""
        client = await self._free.get()
        try:
            yield client
        finally:
            self._free.put_nowait(client)

    async def _turn(self) -> None:
        """Wait until one more call may be made this minute."""
        now = self._loop.time()
        at = max(now, self._next)
        self._next = at + self._apart
        if at > now:
            await asyncio.sleep(at - now)

    async def _call(self, client: httpx.AsyncClient, body: bytes) -> Completion | _Trouble:
        import httpx  # noqa: PLC0415 - slow import

        try:
            async with (
                asyncio.timeout(self.endpoint.timeout),
                client.stream("POST", self.endpoint.url, content=body) as response,
            ):
                data = await _whole(response)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return _Trouble("unreachable", f"no connection: {error}", again=True)
        except (TimeoutError, httpx.TimeoutException):
            return _Trouble("timeout", f"no answer within {self.endpoint.timeout:g} s", again=True, metered=False)
        except httpx.HTTPError as error:
            return _Trouble("cut off", f"{type(error).__name__}: {error}", again=True, metered=False)
        if response.status_code == 200:
            return self._read(data)
        return self._refusal(response, data)

    def _read(self, data: bytes | None) -> Completion | _Trouble:
        if data is None:
            return _Trouble("unparseable", f"an answer of more than {LARGEST:,} bytes", again=False, metered=False)
        try:
            return completion(data)
        except NoCompletion as problem:
            again = problem.may_pass
            return _Trouble("cut off" if again else "unparseable", self._without_key(str(problem)), again, False)

    def _refusal(self, response: httpx.Response, data: bytes | None) -> _Trouble:
        status = response.status_code
        problem = self._without_key(f"HTTP {status}: {message_of(data or b'')}".strip().removesuffix(":"))
        if status == 429 or (status == 503 and "retry-after" in response.headers):
            return _Trouble("rate limited", problem, again=True, wait=seconds_to_wait(response.headers))
        if status >= 500 or status in (408, 425):
            return _Trouble("server error", problem, again=True)
        return _Trouble("refused" if status in REFUSED else "rejected", problem, again=False)

    def _without_key(self, text: str) -> str:
        return text.replace(self.endpoint.key, "…") if self.endpoint.key else text


async def _whole(response: httpx.Response) -> bytes | None:
    """The body; None where it is larger than any answer."""
    data = bytearray()
    async for chunk in response.aiter_bytes():
        data += chunk
        if len(data) > LARGEST:
            return None
    return bytes(data)
