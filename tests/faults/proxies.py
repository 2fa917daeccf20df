"""Proxies on sockets: between a run of the real engine and its services, they let one call go wrong.

What goes wrong is what `interception` does to the same calls in one process.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from .interception import HTTP, SQL

KILLED = ("killed, and the plugin with it", "killed, and the plugin lives on")
HOP_BY_HOP = {"connection", "content-encoding", "content-length", "date", "server", "transfer-encoding"}
COM_QUERY, TLS = 0x03, 0x0800


@dataclass
class Aim:
    """The one call that goes wrong, as a pattern of `METHOD /path` or of a statement; `kill` ends the run."""

    pattern: str = ""
    fault: str = ""
    kill: Callable[[], None] = lambda: None
    calls: list[str] = field(default_factory=list)
    hit: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, call: str) -> str:
        """Returns the fault of this call, which is empty for all but one."""
        with self._lock:
            self.calls.append(call)
            mine = not self.hit.is_set() and bool(self.pattern) and fnmatch(call, self.pattern)
            if mine:
                self.hit.set()
            return self.fault if mine else ""


class HttpProxy:
    """Passes requests on to a service; `aim` may be set at any time."""

    def __init__(self, target: str, aim: Aim) -> None:
        self.aim = aim
        self._client = httpx.Client(base_url=target, timeout=60)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Nothing is logged."""

            def _any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                answer = proxy._answer(self.command, self.path, dict(self.headers), body)
                if answer is None:
                    _reset(self.connection)
                    return
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(b"" if self.command == "HEAD" else answer.content)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _any

        return Handler

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response | None:
        """Returns what the client sees; None where its connection is reset."""
        sent = {name: value for name, value in headers.items() if name.lower() not in {*HOP_BY_HOP, "host"}}
        request = self._client.build_request(method, path, headers=sent, content=body)
        fault = self.aim.take(f"{method} {path.partition('?')[0]}")
        try:
            if fault in HTTP:
                return HTTP[fault](lambda: self._client.send(request), request)
            answer = self._client.send(request)
        except httpx.TransportError:
            return None
        if fault in KILLED:
            self.aim.kill()
            return None
        return answer


class SqlProxy:
    """Passes MySQL's packets on to a server, without TLS, so that statements can be read."""

    def __init__(self, host: str, port: int, aim: Aim) -> None:
        self.aim = aim
        self._target = (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=_Session(self, client, self._target).run, daemon=True).start()


class _Session:
    """One client's connection."""

    def __init__(self, proxy: SqlProxy, client: socket.socket, target: tuple[str, int]) -> None:
        self._proxy, self._client = proxy, client
        self._server = socket.create_connection(target)
        self._lost = False
        self._answered = threading.Event()

    def run(self) -> None:
        with suppress(OSError, EOFError):
            self._client.sendall(_without_tls(_packet(self._server)))
            threading.Thread(target=self._pass_back, daemon=True).start()
            while True:
                self._pass_on(_packet(self._client))
        self._close()

    def _pass_on(self, packet: bytes) -> None:
        is_statement = packet[3] == 0 and packet[4] == COM_QUERY
        statement = " ".join(packet[5:].decode("utf-8", "replace").split()) if is_statement else ""
        fault = self._proxy.aim.take(statement) if is_statement else ""
        acts, code, reason = SQL.get(fault, (True, 0, ""))
        self._lost = bool(fault) and code in (0, 2006, 2013)
        if acts:
            self._server.sendall(packet)
        if self._lost:
            if acts:
                self._answered.wait(60)
            if fault in KILLED:
                self._proxy.aim.kill()
            raise EOFError
        if code:
            self._client.sendall(_error(code, reason))

    def _pass_back(self) -> None:
        with suppress(OSError):
            while data := self._server.recv(65536):
                self._answered.set()
                if not self._lost:
                    self._client.sendall(data)
        self._close()

    def _close(self) -> None:
        for each in (self._client, self._server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _packet(connection: socket.socket) -> bytes:
    head = _exactly(connection, 4)
    return head + _exactly(connection, int.from_bytes(head[:3], "little"))


def _exactly(connection: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        if not (more := connection.recv(size - len(read))):
            raise EOFError
        read += more
    return read


def _without_tls(greeting: bytes) -> bytes:
    """The server's greeting without the offer of TLS (MySQL, protocol version 10: 13 bytes after the version)."""
    at = greeting.index(b"\0", 5) + 14
    [capabilities] = struct.unpack_from("<H", greeting, at)
    return greeting[:at] + struct.pack("<H", capabilities & ~TLS) + greeting[at + 2 :]


def _error(code: int, reason: str) -> bytes:
    payload = b"\xff" + struct.pack("<H", code) + b"#HY000" + reason.encode()
    return len(payload).to_bytes(3, "little") + b"\1" + payload


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
