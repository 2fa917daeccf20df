"""The real dynamic-provider host, in its own process, driven over gRPC as the engine drives it.

These tests hold what `providers/kit/host.py` assumes of the SDK's private behaviour.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from concurrent import futures
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import grpc
import httpx
import pytest
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from google.rpc import status_pb2  # type: ignore[import-untyped]
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2_grpc
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.rpc import UNKNOWN

from providers.connector import ConnectorKind
from providers.ingest_pipeline import IngestPipelineKind
from providers.kit import DynamicProvider
from providers.model import ModelKind
from providers.model_group import ModelGroupKind
from sandbox import wire
from sandbox.embeddings import Embeddings
from sandbox.polarsearch import PolarSearch

ROOT = Path(__file__).parents[2]
PASSWORD = "secret-of-search"
URN = "urn:pulumi:s::p::pulumi-python:dynamic/polarsearch:Model::model"
PIPELINE = {"owner": "p/s/embed", "name": "embed", "model_id": "m1", "field_map": {"text": "vector"}}
ACTION = {
    "url": "http://embeddings.test/v1/embeddings",
    "headers": {"Authorization": "Bearer ${credential.api_key}"},
    "request_body": '{"model": "hashing", "input": ${parameters.input}, "dimensions": 4}',
    "pre_process_function": "connector.pre_process.openai.embedding",
    "post_process_function": "connector.post_process.openai.embedding",
}
CONNECTOR = {"owner": "p/s/connector", "name": "connector", "credential": {"api_key": "sk-good"}, "actions": [ACTION]}


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's side of the protocol: records the log lines."""

    def __init__(self):
        self.port, self.lines = 0, []

    def Log(self, request, context):
        self.lines.append(request)
        return empty_pb2.Empty()


class Service:
    """PolarSearch on a socket; requests for pipelines wait at `gate`, if it is set."""

    def __init__(self, tls=None):
        embeddings = Embeddings(api_keys=["sk-good"])

        def call(method, url, headers, body, timeout):
            response = embeddings.handle(wire.Request.of(method, url, headers, body))
            return response.status, response.body

        self.gate = None
        self.application = PolarSearch(call=call, users={"u": PASSWORD})
        self.running = wire.serve(self.handle, tls=tls)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.running.port}"

    def handle(self, request):
        if self.gate and request.path.startswith("/_ingest/pipeline/"):
            self.gate.wait(20)
        return self.application.handle(request)

    def close(self):
        self.running.stop()
        self.application.close()

    def trust(self):
        """Allows connectors to call the embedding service."""
        trusted = {"plugins.ml_commons.trusted_connector_endpoints_regex": [r"^http://embeddings\.test/.*$"]}
        answer = httpx.put(f"{self.url}/_cluster/settings", json={"persistent": trusted}, auth=("u", PASSWORD))
        answer.raise_for_status()


@contextmanager
def started(engine_port, url, ca_file=""):
    """Starts the host's process and configures it."""
    command = [sys.executable, "-u", "-m", "pulumi.dynamic", f"127.0.0.1:{engine_port}"]
    environment = {"PULUMI_PROJECT": "p", "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stdout
        try:
            with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                host = provider_pb2_grpc.ResourceProviderStub(channel)
                config = Struct()
                account = {"p:search_username": "u", "p:search_password": PASSWORD}
                config.update({"p:search_url": url, "p:search_ca_file": ca_file, **account})
                host.Configure(pb.ConfigureRequest(args=config))
                yield process, host
        finally:
            process.kill()


@pytest.fixture(scope="module")
def service():
    with closing(Service()) as service:
        service.trust()
        yield service


@pytest.fixture(scope="module")
def engine():
    server = grpc.server(futures.ThreadPoolExecutor(4))
    engine = Engine()
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    engine.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield engine
    server.stop(0).wait()


@pytest.fixture(scope="module")
def host(engine, service):
    with started(engine.port, service.url) as (_, host):
        yield host


def struct(kind, props):
    created = Struct()
    created.update({**props, "__provider": serialize_provider(DynamicProvider(kind))})
    return created


def create(host, kind, props):
    checked = host.Check(pb.CheckRequest(olds=Struct(), news=struct(kind, props)))
    assert not checked.failures
    return host.Create(pb.CreateRequest(urn=URN, properties=checked.inputs))


def status_of(error):
    """Returns the error that the engine shows: the status in the trailer replaces the host's traceback."""
    status = status_pb2.Status()
    status.ParseFromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    return status


def test_a_connector_is_created_read_updated_and_deleted(host):
    created = create(host, ConnectorKind, CONNECTOR)
    assert created.properties["protocol"] == "http"
    same = host.Diff(pb.DiffRequest(id=created.id, olds=created.properties, news=struct(ConnectorKind, CONNECTOR)))
    assert (same.changes, list(same.replaces)) == (pb.DiffResponse.DIFF_UNKNOWN, [])
    other = struct(ConnectorKind, {**CONNECTOR, "credential": {"api_key": "sk-new"}})
    changed = host.Diff(pb.DiffRequest(id=created.id, olds=created.properties, news=other))
    assert (list(changed.replaces), changed.deleteBeforeReplace) == (["credential"], False)
    shown = host.Read(pb.ReadRequest(id=created.id, properties=created.properties))
    assert (shown.id, shown.properties) == (created.id, created.properties)
    for _ in range(2):
        host.Delete(pb.DeleteRequest(id=created.id, properties=created.properties))
    assert host.Read(pb.ReadRequest(id=created.id, properties=created.properties)).id == ""


def test_a_pipeline_is_created_read_updated_and_deleted(host):
    created = create(host, IngestPipelineKind, PIPELINE)
    assert created.id == "embed"
    news = struct(IngestPipelineKind, {**PIPELINE, "model_id": "m2"})
    updated = host.Update(pb.UpdateRequest(id="embed", olds=created.properties, news=news))
    assert updated.properties["model_id"] == "m2"
    shown = host.Read(pb.ReadRequest(id="embed", properties=created.properties))
    assert shown.inputs["model_id"] == "m2"
    host.Delete(pb.DeleteRequest(id="embed", properties=updated.properties))
    assert host.Read(pb.ReadRequest(id="embed", properties=updated.properties)).id == ""


def test_every_mistake_is_a_check_failure(host):
    checked = host.Check(pb.CheckRequest(olds=Struct(), news=struct(ConnectorKind, {"name": "", "actions": []})))
    assert [failure.reason.split(":")[0] for failure in checked.failures] == ["name", "actions"]


def test_an_unknown_value_passes_the_check_and_replaces(host):
    news = struct(IngestPipelineKind, {**PIPELINE, "model_id": UNKNOWN, "name": UNKNOWN})
    checked = host.Check(pb.CheckRequest(olds=Struct(), news=news))
    assert (list(checked.failures), checked.inputs["model_id"]) == ([], UNKNOWN)
    olds = struct(IngestPipelineKind, PIPELINE)
    assert list(host.Diff(pb.DiffRequest(id="embed", olds=olds, news=checked.inputs)).replaces) == ["name"]


def test_an_error_is_one_line_without_a_traceback(host):
    bad = {**CONNECTOR, "actions": [{**ACTION, "url": "http://elsewhere.test/"}]}
    with pytest.raises(grpc.RpcError) as raised:
        create(host, ConnectorKind, bad)
    status = status_of(raised.value)
    assert status.message.startswith("POST /_plugins/_ml/connectors/_create: ")
    assert status.message.endswith("(HTTP 400); add a TrustedEndpoint whose `pattern` matches the whole URL")
    assert (status.code, list(status.details), "\n" in status.message) == (2, [], False)


def test_a_create_that_is_not_ready_is_kept_with_the_reason(host):
    key = {"api_key": "sk-wrong-0123"}
    group = create(host, ModelGroupKind, {"owner": "p/s/group", "name": "kept"})
    connector = create(host, ConnectorKind, {**CONNECTOR, "name": "kept", "credential": key})
    with pytest.raises(grpc.RpcError) as raised:
        create(host, ModelKind, model(group, connector))
    status, kept = status_of(raised.value), pb.ErrorResourceInitFailed()
    [detail] = status.details
    assert detail.Unpack(kept)
    assert list(kept.reasons) == [status.message]
    assert "the embedding service refuses the key" in status.message
    assert kept.id
    assert kept.properties["uid"]
    assert kept.properties["__provider"] == kept.inputs["__provider"] != ""
    assert kept.inputs["name"] == "m"


def model(group, connector):
    facts = {"dimension": 4, "space": "hashing/4"}
    return {"owner": "p/s/m", "name": "m", "group_id": group.id, "connector_id": connector.id, **facts}


def test_a_long_create_reports_progress_to_the_engine(host, engine):
    group = create(host, ModelGroupKind, {"owner": "p/s/group", "name": "progress"})
    connector = create(host, ConnectorKind, {**CONNECTOR, "name": "progress"})
    engine.lines.clear()
    create(host, ModelKind, model(group, connector))
    reported = [(line.message, line.urn, line.ephemeral) for line in engine.lines]
    assert reported[0] == ("model m: model_state is DEPLOYING", URN, True)
    assert reported[-1] == ("", URN, True)


def test_a_retry_is_reported_without_secrets(host, engine, service):
    engine.lines.clear()
    service.application.faults.add("PUT", "/_ingest/pipeline/again", 503, body={"error": f"{PASSWORD} is not ready"})
    create(host, IngestPipelineKind, {**PIPELINE, "name": "again"})
    again = "trying again in 0.5 s: PUT /_ingest/pipeline/again: [secret] is not ready (HTTP 503); "
    reported = [(line.message, line.urn, line.ephemeral) for line in engine.lines]
    assert reported == [(f"{again}the cluster is not ready: try again in a minute", URN, True), ("", URN, True)]


def test_more_than_four_calls_run_at_a_time(host, service):
    """With the SDK's own pool of four threads, eight reads that wait for each other would never end."""
    created = create(host, IngestPipelineKind, {**PIPELINE, "name": "eight"})
    service.gate = threading.Barrier(8)
    try:
        request = pb.ReadRequest(id="eight", properties=created.properties)
        reads = [host.Read.future(request, timeout=30) for _ in range(8)]
        assert {read.result().id for read in reads} == {"eight"}
        assert not service.gate.broken
    finally:
        service.gate = None


def test_https_with_a_private_certificate_authority(engine, certificate):
    declared = {"owner": "p/s/group", "name": "secured"}
    with closing(Service(certificate.context)) as service:
        with started(engine.port, service.url, str(certificate.file)) as (_, host):
            assert create(host, ModelGroupKind, declared).id
        with started(engine.port, service.url) as (_, host), pytest.raises(grpc.RpcError) as raised:
            create(host, ModelGroupKind, declared)
    assert "name the cluster's CA in `search_ca_file`" in status_of(raised.value).message


def test_the_plugin_exits_when_the_engine_is_gone(service):
    """After a SIGKILL of the CLI, nothing else ends the plugin."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        process, host = stack.enter_context(started(listening.getsockname()[1], service.url))
        host.Check(pb.CheckRequest(olds=Struct(), news=struct(IngestPipelineKind, PIPELINE)))
        listening.close()
        assert process.wait(30) == 0


BUSY = """
import threading
from providers.kit import host
with host.request_in_progress():
    host.exit_with_the_engine(interval=0.01)
    [watcher] = [thread for thread in threading.enumerate() if thread.daemon]
    watcher.join(0.2)  # time for twenty checks, of which the first would end the process
    print("done", flush=True)
while True:
    with host.request_in_progress():
        threading.Event().wait(0.001)
    watcher.join(0.02)
"""


def test_a_running_request_is_finished_when_the_engine_is_gone_and_the_call_is_not():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        address = f"127.0.0.1:{gone.getsockname()[1]}"
    command = [sys.executable, "-c", BUSY, address]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.returncode) == ("done\n", 0)
