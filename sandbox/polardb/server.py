"""The socket: a thread for each client, speaking MySQL's protocol over a `Session`.

Prepared statements on the server (COM_STMT_PREPARE) are answered 1047; clients that write values into the text work.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.polardb import packets
from sandbox.polardb.accounts import SHA2, Account, matches
from sandbox.polardb.database import Database
from sandbox.polardb.errors import SqlError, refusal
from sandbox.polardb.session import Answer, Rows, Session
from sandbox.polardb.statements import execute

_QUIT, _INIT_DB, _QUERY, _PING, _SET_OPTION, _RESET = 1, 2, 3, 14, 27, 31
_LIMIT = 0xFFFFFF


class Gone(Exception):
    """The client hung up."""


@dataclass
class Wire:
    """Packets over a socket; `sequence` counts within one command. Every method raises Gone."""

    socket: socket.socket
    sequence: int = 0

    def read(self) -> bytes:
        """One payload, however many packets it takes."""
        payload = b""
        while True:
            head = self._exactly(4)
            size = int.from_bytes(head[:3], "little")
            self.sequence = (head[3] + 1) % 256
            payload += self._exactly(size)
            if size < _LIMIT:
                return payload

    def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                piece = self.socket.recv(size - len(data))
            except OSError:
                raise Gone from None
            if not piece:
                raise Gone
            data += piece
        return bytes(data)

    def write(self, *payloads: bytes) -> None:
        """All of them in one send."""
        out = bytearray()
        for payload in payloads:
            for at in range(0, len(payload) + 1, _LIMIT):
                piece = payload[at : at + _LIMIT]
                out += len(piece).to_bytes(3, "little") + bytes([self.sequence]) + piece
                self.sequence = (self.sequence + 1) % 256
        try:
            self.socket.sendall(out)
        except OSError:
            raise Gone from None


class Connection:
    """One client, from handshake to hang-up. `log` gets tracebacks of bugs."""

    def __init__(
        self, database: Database, wire: Wire, peer: str, tls: ssl.SSLContext | None, log: Callable[[str], None]
    ) -> None:
        self._database, self._wire, self._peer, self._tls, self._log = database, wire, peer, tls, log
        self._several = False

    def run(self) -> None:
        """Returns when the client is gone. A refused login ends the session."""
        try:
            session = self._greeted()
        except SqlError as problem:
            return self._wire.write(packets.error(problem))
        with contextlib.closing(session):
            self._done(session)
            while True:
                self._wire.sequence = 0
                payload = self._wire.read()
                if not payload or payload[0] == _QUIT:
                    return None
                self._answer(session, payload[0], payload[1:])

    def close(self) -> None:
        self._wire.socket.close()

    def _greeted(self) -> Session:
        nonce = bytes(byte % 126 + 1 for byte in os.urandom(20))
        number = next(self._database.session_ids)
        self._wire.write(packets.handshake(self._database.version, number, nonce, SHA2, tls=self._tls is not None))
        login = packets.login(self._secured(self._wire.read()))
        account = self._authenticated(login, nonce)
        self._several = bool(login.capabilities & packets.MULTI_STATEMENTS)
        found_rows = bool(login.capabilities & packets.FOUND_ROWS)
        session = Session(self._database, account, peer=self._peer, found_rows=found_rows)
        try:
            if login.schema:
                session.use(login.schema)
        except SqlError:
            session.close()
            raise
        return session

    def _secured(self, payload: bytes) -> bytes:
        (capabilities,) = struct.unpack_from("<I", payload)
        if len(payload) == 32 and capabilities & packets.SSL and self._tls:
            self._wire.socket = self._tls.wrap_socket(self._wire.socket, server_side=True)
            return self._wire.read()
        return payload

    def _authenticated(self, login: packets.Login, nonce: bytes) -> Account:
        found = self._database.account(login.user, self._peer)
        plugin, answer = found[1].plugin if found else SHA2, login.proof
        if plugin != login.plugin:
            self._wire.write(packets.switch(plugin, nonce))
            answer = self._wire.read()
        if found is None or not matches(found[1], plugin, nonce, answer):
            raise refusal(1045, login.user, self._peer, "YES" if answer.strip(b"\0") else "NO")
        if plugin == SHA2 and answer.strip(b"\0"):
            self._wire.write(b"\x01\x03")
        return found[0]

    def _answer(self, session: Session, command: int, body: bytes) -> None:
        try:
            self._command(session, command, body)
        except SqlError as problem:
            self._wire.write(packets.error(problem))
        except (Gone, ssl.SSLError):
            raise
        except Exception as bug:
            self._log(traceback.format_exc())
            self._wire.write(packets.error(refusal(1105, f"{type(bug).__name__} (in the sandbox)")))

    def _command(self, session: Session, command: int, body: bytes) -> None:
        if command == _QUERY:
            for answer, more in execute(session, body.decode("utf-8", "surrogateescape"), several=self._several):
                self._wire.write(*self._packed(session, answer, more))
            return
        if command == _INIT_DB:
            session.use(body.decode())
        elif command == _SET_OPTION:
            self._several = body[:2] == b"\0\0"
        elif command == _RESET:
            session.reset()
        elif command != _PING:
            raise refusal(1047)
        self._done(session)

    def _done(self, session: Session) -> None:
        self._wire.write(packets.ok(self._status(session)))

    def _packed(self, session: Session, answer: Answer, more: bool) -> list[bytes]:
        status = self._status(session) | (packets.MORE_RESULTS if more else 0)
        warnings = len(session.warnings)
        if isinstance(answer, Rows):
            return packets.rows(answer.columns, answer.rows, status, warnings)
        return [packets.ok(status, answer.affected, answer.insert_id, warnings, answer.info)]

    def _status(self, session: Session) -> int:
        running = packets.IN_TRANSACTION if session.transaction.open else 0
        return running | (packets.AUTOCOMMIT if session.transaction.autocommit else 0)


@dataclass(frozen=True)
class Running:
    """A database on a loopback socket. `stop` hangs up on every client and waits for their sessions to end."""

    port: int
    stop: Callable[[], None]


class _Server:
    def __init__(
        self, database: Database, listener: socket.socket, tls: ssl.SSLContext | None, log: Callable[[str], None]
    ) -> None:
        self._database, self._listener, self._tls, self._log = database, listener, tls, log
        self._clients: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        self._stopping = False
        self._acceptor = threading.Thread(target=self._accept, name="polardb", daemon=True)
        self._acceptor.start()

    def _accept(self) -> None:
        while True:
            try:
                client, address = self._listener.accept()
            except OSError:
                return None
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._talk, args=(client, address[0]), daemon=True)
            with self._lock:
                if self._stopping:
                    return client.close()
                self._clients[thread] = client
                thread.start()

    def _talk(self, client: socket.socket, peer: str) -> None:
        connection = Connection(self._database, Wire(client), peer, self._tls, self._log)
        try:
            connection.run()
        except (Gone, ssl.SSLError, ValueError, IndexError, struct.error):
            pass
        except Exception:
            self._log(traceback.format_exc())
        finally:
            connection.close()
            with self._lock:
                self._clients.pop(threading.current_thread(), None)

    def stop(self) -> None:
        with self._lock:
            self._stopping = True
            clients = dict(self._clients)
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in clients.values():
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        for thread in (self._acceptor, *clients):
            thread.join()


def serve(
    database: Database, port: int = 0, *, tls: ssl.SSLContext | None = None, log: Callable[[str], None] = print
) -> Running:
    """Listens on 127.0.0.1:`port` (0: any free one). Raises OSError when it is taken. `log` gets tracebacks of bugs."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    server = _Server(database, listener, tls, log)
    return Running(listener.getsockname()[1], server.stop)
