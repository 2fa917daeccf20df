"""The process that Pulumi runs our providers in, and what it can do that the SDK has no interface for.

Everything here relies on private details of the SDK's dynamic host, and does less where one is missing;
`tests/providers/test_wire.py` and `tests/engine` fail by name when an SDK or engine changes one of them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from types import FrameType
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, struct_pb2
from google.rpc import status_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2

THREADS = 32
"""Calls at a time; the SDK's own pool has 4."""

_hide: ContextVar[Callable[[str], str]] = ContextVar("hide", default=lambda text: text)
"""Takes the secrets of the current call out of a text."""

_busy = 0
_busy_lock = threading.Lock()
_engine: engine_pb2_grpc.EngineStub | None = None


class Failure(Exception):
    """Shown by Pulumi as one line. Its class name is not shown unless the SDK changes."""


def fail(message: str, kept: provider_pb2.ErrorResourceInitFailed | None = None) -> NoReturn:
    """Ends the call so that the CLI shows `message` alone, and keeps the resource that `kept` describes.

    The host turns exceptions into tracebacks; a `grpc-status-details-bin` trailer takes their place.
    """
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    if kept is not None:
        detail = any_pb2.Any()
        detail.Pack(kept)
        status.details.append(detail)
    if (call := _call()) is not None:
        call.f_locals["context"].set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    raise Failure(message)


def unfinished(id: str, properties: Mapping[str, Any], inputs: Mapping[str, Any], reason: str) -> NoReturn:
    """Ends the call for an object that exists and cannot be used yet: Pulumi keeps it and updates it next time."""
    kept = provider_pb2.ErrorResourceInitFailed(
        id=id, properties=_struct(properties), inputs=_struct(inputs), reasons=[reason]
    )
    fail(reason, kept)


def report(message: str) -> None:
    """Shows how far a long operation is, beside its resource, until the next line."""
    _log(message, engine_pb2.INFO, ephemeral=True)


def warn(message: str) -> None:
    """Shows a warning about a resource that still stands when the operation is done."""
    _log(message, engine_pb2.WARNING, ephemeral=False)


def _log(message: str, severity: engine_pb2.LogSeverity.ValueType, *, ephemeral: bool) -> None:
    call = _call()
    if call is None or (engine := _engine_stub()) is None:
        return
    urn = getattr(call.f_locals.get("request"), "urn", "")
    line = engine_pb2.LogRequest(severity=severity, message=_hide.get()(message), urn=urn, ephemeral=ephemeral)
    with contextlib.suppress(grpc.RpcError):
        engine.Log(line, timeout=5)


def widen() -> None:
    """Lets the host run more than four calls at a time (16 creates of 0.5 s: 1.9 s instead of 3.5 s)."""
    for frame in _frames(sys._current_frames().get(threading.main_thread().ident or 0)):
        pool = getattr(getattr(frame.f_locals.get("server"), "_state", None), "thread_pool", None)
        if pool is not None and hasattr(pool, "_max_workers"):
            pool._max_workers = THREADS
            return


def exit_with_the_engine(interval: float = 1) -> None:
    """Ends this process once its engine is gone: after a SIGKILL of the CLI it would go on by itself."""
    if (address := _engine_address()) is not None:
        threading.Thread(target=_watch, args=(address, interval), daemon=True).start()


@contextlib.contextmanager
def hiding(hide: Callable[[str], str]) -> Iterator[None]:
    """What the current call reports goes through `hide`, which takes its secrets out."""
    _hide.set(hide)  # a thread has one call at a time
    yield


@contextlib.contextmanager
def request_in_progress() -> Iterator[None]:
    """A request to a service, which is finished even when the engine is gone; none is begun after it."""
    global _busy
    with _busy_lock:
        _busy += 1
    try:
        yield
    finally:
        with _busy_lock:
            _busy -= 1


def _watch(address: tuple[str, int], interval: float) -> None:
    while _reachable(address):
        time.sleep(interval)
    while True:
        with _busy_lock:  # held, so that no request begins between the look and the end
            if not _busy:
                os._exit(0)
        time.sleep(0.01)


def _reachable(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return False
    return True


def _engine_address() -> tuple[str, int] | None:
    """Returns the engine's address: the host is started as `python -m pulumi.dynamic <host>:<port>`."""
    host, _, port = (sys.argv[1] if len(sys.argv) > 1 else "").rpartition(":")
    return (host, int(port)) if host and port.isdigit() else None


def _engine_stub() -> engine_pb2_grpc.EngineStub | None:
    global _engine
    if _engine is None and (address := _engine_address()) is not None:
        _engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(f"{address[0]}:{address[1]}"))
    return _engine


def _call() -> FrameType | None:
    """Returns the host's frame of the current call, whose locals are its `request` and `context`."""
    found = (frame for frame in _frames(sys._getframe(1)) if {"request", "context"} <= set(frame.f_locals))
    return next(found, None)


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(dict(properties))
    return struct
