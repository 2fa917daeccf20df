"""MySQL's packets, byte by byte: the handshake, OK, ERR, columns and rows of the text protocol. No I/O."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.polardb.catalog import Column
from sandbox.polardb.errors import SqlError
from sandbox.polardb.types import ColumnType, sent

FOUND_ROWS, CONNECT_WITH_DB, PROTOCOL_41, SSL, MULTI_STATEMENTS, PLUGIN_AUTH = (
    1 << 1, 1 << 3, 1 << 9, 1 << 11, 1 << 16, 1 << 19,
)  # fmt: skip
CAPABILITIES = 0x3BA20F
"""Long passwords and flags, FOUND_ROWS, a database, protocol 4.1, transactions, several statements, plugins."""
IN_TRANSACTION, AUTOCOMMIT, MORE_RESULTS = 1, 2, 8
_UTF8MB4, _BINARY = 255, 63
_CODES = {
    "tinyint": 1, "smallint": 2, "mediumint": 9, "int": 3, "bigint": 8, "year": 13, "float": 4, "double": 5,
    "decimal": 246, "date": 10, "datetime": 12, "timestamp": 7, "time": 11, "json": 245, "bit": 16, "varchar": 253,
    "char": 254, "varbinary": 253, "binary": 254, "enum": 254, "set": 254, "null": 6,
}  # fmt: skip
_LENGTHS = {"integer": 20, "real": 22, "decimal": 66, "temporal": 26, "null": 0}
_FLAGS = {"blob": 128, "enum": 256, "integer": 32768, "real": 32768, "decimal": 32768, "temporal": 128, "json": 128}


def integer(value: int) -> bytes:
    """A length-encoded integer."""
    if value < 251:
        return bytes([value])
    for head, size in ((b"\xfc", 2), (b"\xfd", 3), (b"\xfe", 8)):
        if value < 1 << size * 8:
            return head + value.to_bytes(size, "little")
    raise ValueError(value)


def text(value: str | bytes) -> bytes:
    """A length-encoded string."""
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return integer(len(data)) + data


def handshake(version: str, session: int, nonce: bytes, plugin: str, *, tls: bool) -> bytes:
    """Protocol version 10. `nonce` has 20 bytes."""
    offered = CAPABILITIES | (SSL if tls else 0)
    numbers = struct.pack("<HBHHB", offered & 0xFFFF, _UTF8MB4, AUTOCOMMIT, offered >> 16, len(nonce) + 1)
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
    user, _, rest = payload[32:].partition(b"\0")
    proof, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
    schema, plugin = b"", b""
    if capabilities & CONNECT_WITH_DB:
        schema, _, rest = rest.partition(b"\0")
    if capabilities & PLUGIN_AUTH:
        plugin = rest.partition(b"\0")[0]
    return Login(capabilities, user.decode(), proof, schema.decode(), plugin.decode() or "mysql_native_password")


def switch(plugin: str, nonce: bytes) -> bytes:
    """AuthSwitchRequest: prove it another way."""
    return b"\xfe" + plugin.encode() + b"\0" + nonce + b"\0"


def ok(status: int, affected: int = 0, insert_id: int = 0, warnings: int = 0, info: str = "") -> bytes:
    """OK_Packet."""
    return b"\0" + integer(affected) + integer(insert_id) + struct.pack("<HH", status, warnings) + info.encode()


def error(problem: SqlError) -> bytes:
    """ERR_Packet."""
    message = problem.message.encode("utf-8", "replace")[:512]
    return b"\xff" + struct.pack("<H", problem.code) + b"#" + problem.state.encode() + message


def rows(columns: Sequence[Column], values: Sequence[Sequence[Any]], status: int, warnings: int) -> list[bytes]:
    """A result set: how many columns, each of them, each row, and an EOF_Packet after both."""
    end = b"\xfe" + struct.pack("<HH", warnings, status)
    kinds = [column.type for column in columns]
    return [integer(len(columns)), *map(_column, columns), end, *(_row(row, kinds) for row in values), end]


def _column(column: Column) -> bytes:
    """ColumnDefinition41."""
    kind = column.type
    code = 255 if kind.family == "spatial" else _CODES.get(kind.name, 252)
    charset = _UTF8MB4 if kind.family in ("text", "enum") else _BINARY
    length = min(_LENGTHS.get(kind.family, (kind.length or 2**24) * 4), 2**32 - 1)
    decimals = 31 if kind.family == "real" else kind.length or 0 if kind.family == "temporal" else kind.places
    flags = _FLAGS.get(kind.family, 0) | (32 if kind.unsigned else 0) | (16 if code == 252 else 0)
    names = b"".join(text(part) for part in ("def", "", "", "", column.name, column.name))
    return names + b"\x0c" + struct.pack("<HIBHB", charset, length, code, flags, decimals) + b"\0\0"


def _row(values: Sequence[Any], kinds: Sequence[ColumnType]) -> bytes:
    """ResultsetRow of the text protocol."""
    parts = (b"\xfb" if value is None else text(sent(value, kind)) for value, kind in zip(values, kinds, strict=True))
    return b"".join(parts)
