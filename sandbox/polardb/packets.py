"""MySQL's packets, byte by byte: the handshake, OK, ERR, columns and rows of the text protocol. No I/O.

Every packet is 3 bytes of length, 1 of sequence, and the payload; lengths inside are 1, 3, 4 or 9 bytes long.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.polardb.errors import SqlError
from sandbox.polardb.scope import Typed
from sandbox.polardb.types import ColumnType, text_of

CONNECT_WITH_DB, FOUND_ROWS, SSL, PLUGIN_AUTH, MULTI_STATEMENTS = 1 << 3, 1 << 1, 1 << 11, 1 << 19, 1 << 16
LENENC_AUTH, CONNECT_ATTRS, SECURE_CONNECTION = 1 << 21, 1 << 20, 1 << 15
LONG_PASSWORD, LONG_FLAG, PROTOCOL_41, TRANSACTIONS, MULTI_RESULTS = 1, 1 << 2, 1 << 9, 1 << 13, 1 << 17
SERVER_CAPABILITIES = (
    LONG_PASSWORD | FOUND_ROWS | LONG_FLAG | CONNECT_WITH_DB | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION
    | MULTI_STATEMENTS | MULTI_RESULTS | PLUGIN_AUTH | CONNECT_ATTRS | LENENC_AUTH
)  # fmt: skip
IN_TRANSACTION, AUTOCOMMIT, MORE_RESULTS = 1, 2, 8
UTF8MB4, BINARY = 255, 63
_CODES = {
    "tinyint": 1, "smallint": 2, "mediumint": 9, "int": 3, "bigint": 8, "year": 13, "float": 4, "double": 5,
    "decimal": 246, "date": 10, "datetime": 12, "timestamp": 7, "time": 11, "json": 245, "bit": 16, "varchar": 253,
    "char": 254, "varbinary": 253, "binary": 254, "enum": 254, "set": 254, "null": 6,
}  # fmt: skip
_NOT_NULL, _UNSIGNED, _BINARY_FLAG, _ENUM, _SET, _BLOB, _NUMERIC = 1, 32, 128, 256, 2048, 16, 32768


def integer(value: int) -> bytes:
    """A length-encoded integer."""
    if value < 251:
        return bytes([value])
    if value < 1 << 16:
        return b"\xfc" + struct.pack("<H", value)
    if value < 1 << 24:
        return b"\xfd" + struct.pack("<I", value)[:3]
    return b"\xfe" + struct.pack("<Q", value)


def text(value: str | bytes) -> bytes:
    """A length-encoded string."""
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return integer(len(data)) + data


def handshake(version: str, session: int, nonce: bytes, plugin: str, status: int, *, tls: bool) -> bytes:
    """Protocol version 10. `nonce` has 20 bytes."""
    capabilities = SERVER_CAPABILITIES | (SSL if tls else 0)
    numbers = struct.pack("<HBHHB", capabilities & 0xFFFF, UTF8MB4, status, capabilities >> 16, len(nonce) + 1)
    head = b"\x0a" + version.encode() + b"\0" + struct.pack("<I", session & 0xFFFFFFFF) + nonce[:8] + b"\0"
    return head + numbers + bytes(10) + nonce[8:] + b"\0" + plugin.encode() + b"\0"


@dataclass(frozen=True)
class Login:
    """What a client answers to the handshake."""

    capabilities: int
    user: str
    proof: bytes
    schema: str
    plugin: str


def login(payload: bytes) -> Login:
    """Reads HandshakeResponse41. Raises ValueError or IndexError for anything else."""
    (capabilities,) = struct.unpack_from("<I", payload)
    if not capabilities & PROTOCOL_41 or len(payload) < 33:
        raise ValueError("not a HandshakeResponse41")
    user, at = _terminated(payload, 32)
    length = payload[at]
    proof, at = payload[at + 1 : at + 1 + length], at + 1 + length
    schema, plugin = b"", b""
    if capabilities & CONNECT_WITH_DB and at < len(payload):
        schema, at = _terminated(payload, at)
    if capabilities & PLUGIN_AUTH and at < len(payload):
        plugin, at = _terminated(payload, at)
    return Login(capabilities, user.decode(), proof, schema.decode(), plugin.decode() or "mysql_native_password")


def _terminated(payload: bytes, at: int) -> tuple[bytes, int]:
    end = payload.find(b"\0", at)
    end = len(payload) if end < 0 else end
    return payload[at:end], end + 1


def switch(plugin: str, nonce: bytes) -> bytes:
    """AuthSwitchRequest: prove it another way."""
    return b"\xfe" + plugin.encode() + b"\0" + nonce + b"\0"


def ok(affected: int = 0, insert_id: int = 0, status: int = AUTOCOMMIT, warnings: int = 0, info: str = "") -> bytes:
    """OK_Packet."""
    return b"\0" + integer(affected) + integer(insert_id) + struct.pack("<HH", status, warnings) + info.encode()


def eof(status: int, warnings: int = 0) -> bytes:
    """EOF_Packet."""
    return b"\xfe" + struct.pack("<HH", warnings, status)


def error(problem: SqlError) -> bytes:
    """ERR_Packet."""
    message = problem.message.encode("utf-8", "replace")[:512]
    return b"\xff" + struct.pack("<H", problem.code) + b"#" + problem.state.encode() + message


def column(typed: Typed) -> bytes:
    """ColumnDefinition41."""
    kind = typed.type
    charset = UTF8MB4 if kind.family in ("text", "enum") else BINARY
    fixed = struct.pack("<HIBHB", charset, _length(kind), code(kind), _flags(typed), _decimals(kind)) + b"\0\0"
    names = b"".join(text(part) for part in ("def", typed.schema, typed.table, typed.table, typed.name, typed.name))
    return names + b"\x0c" + fixed


def code(kind: ColumnType) -> int:
    """The type's number on the wire."""
    return 255 if kind.family == "spatial" else _CODES.get(kind.name, 252)


def _length(kind: ColumnType) -> int:
    sizes = {"integer": 20, "real": 22, "decimal": 66, "temporal": 26, "null": 0}
    return min(sizes.get(kind.family, (kind.length or 2**24) * 4), 2**32 - 1)


def _decimals(kind: ColumnType) -> int:
    if kind.family == "real":
        return 31
    return kind.length or 0 if kind.family == "temporal" else kind.places


def _flags(typed: Typed) -> int:
    kind = typed.type
    flags = 0 if typed.nullable else _NOT_NULL
    flags |= _UNSIGNED if kind.unsigned or kind.family == "bit" else 0
    flags |= _NUMERIC if kind.numeric else 0
    flags |= _BINARY_FLAG if kind.family not in ("text", "enum") else 0
    flags |= {"enum": _ENUM, "set": _SET}.get(kind.name, 0)
    return flags | (_BLOB if code(kind) == 252 else 0)


def row(values: Sequence[Any], kinds: Sequence[ColumnType]) -> bytes:
    """ResultsetRow of the text protocol."""
    parts = (b"\xfb" if value is None else text(shown(value, kind)) for value, kind in zip(values, kinds, strict=True))
    return b"".join(parts)


def shown(value: Any, kind: ColumnType) -> str | bytes:
    """One value as the text protocol spells it."""
    if kind.family == "decimal":
        return f"{Decimal(repr(value) if isinstance(value, float) else value):.{kind.places}f}"
    if kind.family == "bit" and isinstance(value, int):
        return value.to_bytes(((kind.length or 1) + 7) // 8, "big")
    if isinstance(value, bytes):
        return value
    return text_of(value)
