"""A TCP proxy on loopback that counts the traffic, and can delay each call."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Callable, Iterable

from bench.traffic import Calls

BLOCK = 1 << 16


class Proxy(socketserver.ThreadingTCPServer):
    """Forwards connections to the port `target` until `close`.

    `calls` returns a counter for one connection; `hold` is called before a call is forwarded, and may block.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, target: int, calls: Callable[[], Calls], hold: Callable[[], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target, self.new_calls, self.hold = target, calls, hold
        self.calls: Counter[str] = Counter()
        self.bytes = self.connections = 0
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def count(self, *, calls: Iterable[str] = (), bytes: int = 0, connections: int = 0) -> None:
        """Adds to the counts."""
        with self._lock:
            self.calls.update(calls)
            self.bytes += bytes
            self.connections += connections

    def close(self) -> None:
        """Accepts no more connections."""
        self.shutdown()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        self.server.count(connections=1)
        client: socket.socket = self.request
        with socket.create_connection(("127.0.0.1", self.server.target)) as service:
            for each in (client, service):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answers = threading.Thread(target=self._pass, args=(service, client, None), daemon=True)
            answers.start()
            self._pass(client, service, self.server.new_calls())
            answers.join()

    def _pass(self, source: socket.socket, target: socket.socket, calls: Calls | None) -> None:
        """Forwards everything from one side to the other, until either closes the connection."""
        with contextlib.suppress(OSError):
            while data := source.recv(BLOCK):
                begun = calls.feed(data) if calls else []
                self.server.count(calls=begun, bytes=len(data))
                for _ in begun:
                    self.server.hold()
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
