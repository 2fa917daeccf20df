"""Calls a kind as Pulumi's dynamic-provider host does, on the services of `tests.services`."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import certifi
import pytest
from google.rpc import status_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2
from pulumi.runtime.rpc import deserialize_properties

from providers.kit import DynamicProvider, OwnerReference
from providers.kit.host import Failure

EMBEDDINGS = "http://embeddings.test/v1/embeddings"
BODY = '{"model": "${parameters.model}", "input": ${parameters.input}, "dimensions": DIMENSION}'
TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"


@pytest.fixture(autouse=True)
def one_certificate_authority(monkeypatch, tmp_path_factory):
    """Gives clients one certificate authority to load instead of all, which takes 20 ms for each client."""
    file = tmp_path_factory.getbasetemp() / "authority.pem"
    if not file.exists():
        certificate, end, _ = certifi.contents().partition("-----END CERTIFICATE-----\n")
        file.write_text(certificate + end)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


@pytest.fixture
def requests(search):
    """Counts the requests of a route since the last call: `requests("POST /_aliases")`."""

    def count(route):
        number = search.application.requests.counts().get(route, 0)
        search.application.requests.reset()
        return number

    return count


@dataclass
class Certificate:
    """A self-signed certificate for 127.0.0.1: the file, which is also the authority, and the server's context."""

    file: Path
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine to make a certificate with")
    key, file = (tmp_path_factory.mktemp("tls") / name for name in ("key.pem", "certificate.pem"))
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command = ["openssl", "req", "-x509", *curve, "-keyout", key, "-out", file, *subject]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, key)
    return Certificate(file, context)


class CallError(Exception):
    """A failed call: the line that Pulumi shows, and the resource that it keeps, if any."""

    def __init__(self, message, kept):
        super().__init__(message)
        self.kept = kept


class Context:
    """The gRPC context of a call of the host."""

    def __init__(self):
        self.trailers = ()

    def set_trailing_metadata(self, trailers):
        self.trailers = trailers

    def status(self):
        status = status_pb2.Status()
        status.ParseFromString(dict(self.trailers)["grpc-status-details-bin"])
        return status

    def kept(self):
        for detail in self.status().details:
            kept = provider_pb2.ErrorResourceInitFailed()
            assert detail.Unpack(kept)
            return kept
        return None


@dataclass
class StoredResource:
    """A resource in Pulumi's state."""

    id: str
    props: dict
    inputs: dict


class Driver:
    """One kind under its DynamicProvider. Raises an error as CallError, with the line that Pulumi shows."""

    def __init__(self, kind, connections):
        self.kind = kind(connections)
        self.provider = DynamicProvider(kind)
        self.provider.bind(connections)

    def in_host(self, act, request=None):
        """Runs `act` below a frame with a `request` and a `context`, which `providers.kit.host` looks for."""
        context = Context()
        try:
            return act()
        except Failure:
            raise CallError(context.status().message, context.kept()) from None

    def check(self, **news):
        return self.in_host(lambda: self.provider.check({}, news))

    def create(self, **news):
        checked = self.check(**news)
        assert not checked.failures, [failure.reason for failure in checked.failures]
        created = self.in_host(lambda: self.provider.create(checked.inputs))
        return StoredResource(created.id, created.outs, checked.inputs)

    def diff(self, created, **changes):
        """Returns the properties that replace."""
        news = self.check(**{**created.inputs, **changes}).inputs
        return list(self.in_host(lambda: self.provider.diff(created.id, created.props, news)).replaces)

    def read(self, created):
        """Returns None if the object does not exist."""
        shown = self.in_host(lambda: self.provider.read(created.id, created.props))
        return StoredResource(shown.id, shown.outs, shown.inputs) if shown.id else None

    def update(self, created, **changes):
        news = self.check(**{**created.inputs, **changes}).inputs
        done = self.in_host(lambda: self.provider.update(created.id, created.props, news))
        return StoredResource(created.id, done.outs, news)

    def delete(self, created):
        self.in_host(lambda: self.provider.delete(created.id, created.props))

    def kept(self, failed):
        """Returns the resource that Pulumi keeps in its state after a failed call."""
        return StoredResource(
            failed.kept.id, *map(deserialize_properties, (failed.kept.properties, failed.kept.inputs))
        )


@pytest.fixture
def drive(connections):
    """Returns the driver of a kind: `drive(ModelGroupKind)`, or on other services `drive(ModelGroupKind, others)`."""
    return lambda kind, at=None: Driver(kind, at or connections)


@pytest.fixture
def failed():
    """The type of the error that a failed call raises."""
    return CallError


@pytest.fixture
def reference():
    """Returns the owner reference of a resource in state."""
    return lambda created: OwnerReference(created.props["owner"], created.props["uid"])


@pytest.fixture
def embedding(rest):
    """Returns inputs of a connector to the embedding service, which is trusted: `embedding(key="sk-bad")`."""
    rest.put("/_cluster/settings", {"persistent": {TRUSTED: [r"^http://embeddings\.test/.*$"]}})

    def inputs(key="sk-good", dimension=4, **changes):
        action = {
            "url": EMBEDDINGS,
            "headers": {"Authorization": "Bearer ${credential.api_key}"},
            "request_body": BODY.replace("DIMENSION", str(dimension)),
            "pre_process_function": "connector.pre_process.openai.embedding",
            "post_process_function": "connector.post_process.openai.embedding",
        }
        declared = {"owner": "p/s/connector", "name": "embed", "parameters": {"model": "hashing"}}
        return {**declared, "credential": {"api_key": key}, "actions": [action], **changes}

    return inputs
