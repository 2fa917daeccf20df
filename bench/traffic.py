"""Counts HTTP requests and SQL statements in the bytes that clients send. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

COM_QUERY = b"\x03"


@dataclass(frozen=True)
class Counts:
    """Traffic between a client and its services; `bytes` are of both directions."""

    requests: int = 0
    statements: int = 0
    bytes: int = 0
    connections: int = 0

    @property
    def calls(self) -> int:
        """Returns the number of requests and statements."""
        return self.requests + self.statements

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __sub__(self, other: Counts) -> Counts:
        return Counts(*(getattr(self, each.name) - getattr(other, each.name) for each in fields(self)))


class Calls(Protocol):
    """Finds the calls in the bytes that the client of one connection sends."""

    def feed(self, data: bytes) -> list[str]:
        """Returns the calls that this part of the stream completes."""


class HttpRequests:
    """The requests of HTTP/1.1. A request counts once its headers are complete."""

    def __init__(self) -> None:
        self._unread, self._body = b"", 0

    def feed(self, data: bytes) -> list[str]:
        """Returns calls such as `GET /path`. Raises ValueError for a body without a content-length."""
        found: list[str] = []
        self._unread += data
        while self._skip_body():
            head, end, rest = self._unread.partition(b"\r\n\r\n")
            if not end:
                break
            self._unread, self._body = rest, _length(head)
            found.append(head.split(b" HTTP", 1)[0].decode())
        return found

    def _skip_body(self) -> bool:
        """Returns whether the stream is at the beginning of a request."""
        skipped = min(self._body, len(self._unread))
        self._unread, self._body = self._unread[skipped:], self._body - skipped
        return self._body == 0


def _length(head: bytes) -> int:
    lines = (line.lower().partition(b":") for line in head.split(b"\r\n")[1:])
    headers = {name.strip(): value.strip() for name, _, value in lines}
    if b"transfer-encoding" in headers:
        raise ValueError("requests with a transfer-encoding cannot be counted")
    return int(headers.get(b"content-length", b"0"))


class SqlStatements:
    """The statements of MySQL's protocol without TLS: packets COM_QUERY that begin an exchange."""

    HEADER = 4

    def __init__(self) -> None:
        self._unread = b""

    def feed(self, data: bytes) -> list[str]:
        """Returns calls such as `SELECT 1`."""
        found: list[str] = []
        self._unread += data
        while (packet := self._take()) is not None:
            sequence, payload = packet
            if sequence == 0 and payload[:1] == COM_QUERY:
                found.append(payload[1:].decode(errors="replace"))
        return found

    def _take(self) -> tuple[int, bytes] | None:
        """Returns the number in its exchange and the payload of the next complete packet."""
        end = self.HEADER + int.from_bytes(self._unread[:3], "little")
        if len(self._unread) < max(end, self.HEADER):
            return None
        packet, self._unread = self._unread[:end], self._unread[end:]
        return packet[3], packet[self.HEADER :]
