"""Thing: a kind whose "remote service" is a JSON file, so that every call of the engine can be compared.

An entry of the service with `unready` exists and is not ready.

Environment: THING_WORLD is the JSON file of the service, THING_LOG the file to which each call is appended.
"""

import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

from google.protobuf import any_pb2, struct_pb2
from google.rpc import status_pb2
from pulumi import Output
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown
from pulumi.runtime.proto import provider_pb2

_lock = threading.Lock()


def _plain(value):
    """Returns the value as JSON, with "<unknown>" for unknown values."""
    if isinstance(value, Unknown):
        return "<unknown>"
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in sorted(value.items()) if key != "__provider"}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _log(call: str, **fields) -> None:
    with _lock, Path(os.environ["THING_LOG"]).open("a") as log:
        log.write(json.dumps({"call": call, **{key: _plain(value) for key, value in fields.items()}}) + "\n")


def _world() -> dict:
    path = Path(os.environ["THING_WORLD"])
    return json.loads(path.read_text()) if path.exists() else {}


def _put(id_: str, props: dict | None) -> None:
    with _lock:
        world = _world()
        if props is None:
            world.pop(id_, None)
        else:
            world[id_] = _plain(props)
        Path(os.environ["THING_WORLD"]).write_text(json.dumps(world, sort_keys=True))


def _fail(message: str, partial: provider_pb2.ErrorResourceInitFailed | None = None) -> None:
    """Raises an error of which the engine shows `message` only, and keeps the resource if `partial` describes it."""
    status = status_pb2.Status(code=2, message=message)
    if partial:
        detail = any_pb2.Any()
        detail.Pack(partial)
        status.details.append(detail)
    frame = sys._getframe(1)
    while frame and not (frame.f_code.co_name == "wrapper" and "context" in frame.f_locals):
        frame = frame.f_back
    if frame:
        metadata = (("grpc-status-details-bin", status.SerializeToString()),)
        frame.f_locals["context"].set_trailing_metadata(metadata)
    raise RuntimeError(message)


def _struct(props: dict) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(props)
    return struct


def _exit_with_the_engine() -> None:
    """Exits when the engine is gone: `python -m pulumi.dynamic <host>:<port>` is not ended with a killed engine."""
    host, _, port = sys.argv[1].rpartition(":")
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=5).close()
        except OSError:
            os._exit(0)
        time.sleep(0.5)


class ThingProvider(ResourceProvider):
    serialize_as_secret_always = False

    def configure(self, req) -> None:
        threading.Thread(target=_exit_with_the_engine, daemon=True).start()
        _log("configure", region=req.config.get("region"))

    def check(self, olds, news):
        _log("check", olds=olds, news=news)
        failures = [CheckFailure("size", "must be below 100")] if news.get("size") == 100 else []
        return CheckResult(news, failures)

    def diff(self, id_, olds, news):
        _log("diff", id=id_, olds=olds, news=news)
        replaces = ["name"] if olds.get("name") != news.get("name") else []
        return DiffResult(changes=None, replaces=replaces, delete_before_replace=bool(news.get("unique")))

    def create(self, props):
        _log("create", props=props)
        if props.get("seconds"):
            time.sleep(props["seconds"])
        if props.get("fail") == "create":
            _fail("create failed: the service said no")
        id_ = f"{props['name']}-id"
        outs = {**props, "computed": f"computed-{props['name']}"}
        _put(id_, outs)
        if props.get("fail") == "ready":
            _fail(
                "created but not ready",
                provider_pb2.ErrorResourceInitFailed(
                    id=id_, properties=_struct(outs), reasons=["not ready: 2 of 3 nodes"], inputs=_struct(props)
                ),
            )
        return CreateResult(id_, outs)

    def update(self, id_, olds, news):
        _log("update", id=id_, olds=olds, news=news)
        if news.get("fail") == "update":
            _fail("update failed: the service said no")
        outs = {**news, "computed": f"computed-{news['name']}"}
        _put(id_, outs)
        return UpdateResult(outs)

    def delete(self, id_, props):
        _log("delete", id=id_, props=props)
        if props.get("fail") == "delete":
            _fail("delete failed: still in use")
        _put(id_, None)

    def read(self, id_, props):
        _log("read", id=id_, props=props)
        shown = _world().get(id_)
        if shown is None:
            return ReadResult("", {})
        if shown.get("unready"):
            declared = {key: value for key, value in shown.items() if key not in ("computed", "unready")}
            _fail(
                "still not ready",
                provider_pb2.ErrorResourceInitFailed(
                    id=id_, properties=_struct(props), reasons=[shown["unready"]], inputs=_struct(declared)
                ),
            )
        return ReadResult(id_, dict(shown), {key: value for key, value in shown.items() if key != "computed"})


class Thing(Resource, module="scenario", name="Thing"):
    name: Output[str]
    computed: Output[str]

    def __init__(self, resource_name, inputs, opts=None):
        super().__init__(ThingProvider(), resource_name, {"computed": None, **inputs}, opts)
