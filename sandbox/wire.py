"""The one shape every HTTP service of the sandbox has: a function from a request to a response.

The same function is mounted through respx (no socket) and served by `serve` (a real socket).
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

JSON_TYPE = "application/json; charset=UTF-8"


@cache
def trusted() -> ssl.SSLContext:
    """Returns certifi's authorities for every client of the sandbox: they are 20 ms to read."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True)
class Request:
    """What a client sent. `path` is decoded and has no query; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """From the raw request target, such as `/_search?size=3`."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method, unquote(parts.path), query, {k.lower(): v for k, v in headers.items()}, body)


@dataclass(frozen=True)
class Response:
    """What the service answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, status: int, answer: Any) -> Response:
        """`answer` as JSON."""
        return cls(status, json.dumps(answer, ensure_ascii=False).encode(), {"content-type": JSON_TYPE})


class Lost(Exception):
    """The request was acted upon (or not), but its answer never arrives: the connection is closed."""


Handler = Callable[[Request], Response]


class _Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 128
    answer: Handler


class _Connection(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm, wbufsize = "HTTP/1.1", True, -1
    server: _Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            response = self.server.answer(Request.of(self.command, self.path, dict(self.headers.items()), body))
        except Lost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        except Exception as error:
            traceback.print_exc()  # to the sandbox's log
            response = Response.of(500, {"error": f"a mistake of the sandbox: {error!r}", "status": 500})
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client did not wait
                self.wfile.write(response.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the sandbox's log is for what went wrong."""


@dataclass(frozen=True)
class Running:
    """A service on a loopback socket."""

    port: int
    stop: Callable[[], None]


def serve(answer: Handler, port: int = 0, *, tls: ssl.SSLContext | None = None) -> Running:
    """Serve on 127.0.0.1:`port` (0: any free one) until `stop()`. Raises OSError when the port is taken."""
    server = _Server(("127.0.0.1", port), _Connection)
    server.answer = answer
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return Running(server.server_address[1], stop)
