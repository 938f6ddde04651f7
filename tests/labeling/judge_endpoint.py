"""A local HTTP server that speaks the protocol of OpenAI-compatible endpoints, well and badly.

It counts what it bills. What it answers is said by a function of the request: a `Reply`, or a text that becomes one.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 500, "completion_tokens": 50}


def said(verdict: str = "no", quotes: tuple[str, ...] = (), reason: str = "Because.") -> str:
    return json.dumps({"verdict": verdict, "quotes": list(quotes), "reason": reason})


def completion(content: str | None, **more: Any) -> dict[str, Any]:
    """A body as endpoints send it; `message`, `finish_reason`, `usage` and whatever else may be given."""
    message = {"role": "assistant", "content": content} | more.pop("message", {})
    choice = {"index": 0, "message": message, "finish_reason": more.pop("finish_reason", "stop")}
    return {"id": "x", "object": "chat.completion", "model": "judge-1", "choices": [choice], "usage": USAGE} | more


@dataclass
class Reply:
    """What is sent: status, headers, body; after a while; and perhaps only a part of it."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    cut_at: int | None = None  # so many bytes of the body, then the connection is closed

    @property
    def data(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Request:
    """What came in."""

    system: str
    user: str
    headers: dict[str, str]
    body: dict[str, Any]
    times: int  # how often the same question came before


Answering = Callable[[Request], Reply | str]


class Endpoint:
    """The server, what it heard and what it bills: whole completions, also those that were cut on their way."""

    def __init__(self, answer: Answering) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.tokens_in = self.tokens_out = 0
        self.at_once = self.most_at_once = 0
        self._asked: dict[str, int] = {}
        self._lock = threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint._serve(self, body)

            def log_message(self, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *arguments: object) -> None:
                pass  # whoever asked has gone away

        self.server = Server(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def _serve(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        system, user = (message["content"] for message in body["messages"])
        with self._lock:
            times = self._asked[user] = self._asked.get(user, -1) + 1
            request = Request(system, user, dict(handler.headers), body, times)
            self.requests.append(request)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            given = self.answer(request)
            reply = given if isinstance(given, Reply) else Reply(completion(given))
            time.sleep(reply.seconds)
            self._bill(reply)
        finally:
            with self._lock:
                self.at_once -= 1
        _send(handler, reply)

    def _bill(self, reply: Reply) -> None:
        usage = reply.body.get("usage") if isinstance(reply.body, dict) and reply.status == 200 else None
        if isinstance(usage, dict):
            with self._lock:
                self.tokens_in += usage["prompt_tokens"]
                self.tokens_out += usage["completion_tokens"]


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    data = reply.data
    handler.send_response(reply.status)
    for name, value in ({"Content-Type": "application/json", "Content-Length": str(len(data))} | reply.headers).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data if reply.cut_at is None else data[: reply.cut_at])
    if reply.cut_at is not None:
        handler.wfile.flush()
        handler.close_connection = True
        with suppress(OSError):
            handler.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(answer: Answering) -> Iterator[Endpoint]:
    endpoint = Endpoint(answer)
    thread = threading.Thread(target=endpoint.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        endpoint.server.shutdown()
        endpoint.server.server_close()
        thread.join()
