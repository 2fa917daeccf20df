"""The rules of the policy pack, each on what it refuses and what it lets pass."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

import providers
from policies.rules import (
    CONNECTION,
    CONNECTOR,
    INDEX,
    SECRETS,
    SOURCE_TABLE,
    TRUSTED_ENDPOINT,
    Declared,
    batches_within_the_limit,
    has_no_open_key,
    is_encrypted,
    is_kept_in_production,
    plain,
    stack_of,
    trusts_one_host,
    unencrypted,
)
from providers.kit import Resource

STUDIO = "https://dashscope.aliyuncs.com/compatible-mode/v1/embeddings"


def connector(url=STUDIO, headers=None, body=None, **parameters):
    action = {"action_type": "PREDICT", "url": url, "headers": headers or {}, "request_body": body}
    return Declared(CONNECTOR, {"actions": [action], "parameters": parameters})


def trusted(pattern):
    return Declared(TRUSTED_ENDPOINT, {"pattern": pattern})


def connection(**inputs):
    return Declared(CONNECTION, inputs)


def index(stack="prod", **inputs):
    return Declared(INDEX, {"name": "docs_1", **inputs}, stack)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^https://dashscope\.aliyuncs\.com/compatible-mode/.*$",
        "^https://dashscope.aliyuncs.com/compatible-mode.*$",
        r"^http://127\.0\.0\.1:18080/v1/embeddings$",
        r"^https://my\-host\.example$",
        r"^http://\[::1\]:18080/v1/embeddings$",
        r"https://bedrock-runtime\.eu-central-1\.amazonaws\.com/model/.*",
    ],
)
def test_a_pattern_that_names_one_host_passes(pattern):
    assert list(trusts_one_host(trusted(pattern))) == []


@pytest.mark.parametrize(
    "pattern",
    [
        ".*",
        "^https://.*$",
        "^https?://host/.*$",
        r"^https://.*\.com/.*$",
        r"^https://[^/]+/v1/.*$",
        "^https://(a|b)/.*$",
        "^https://host.*$",
    ],
)
def test_a_pattern_of_more_than_one_host_is_refused(pattern):
    [violation] = trusts_one_host(trusted(pattern))
    assert violation == f"pattern {pattern} names no single host; write one such as ^https://host/.*$"


@pytest.mark.parametrize(
    "declared",
    [
        connector(),
        connector("http://127.0.0.1:18080/v1/embeddings"),
        connector("https://${parameters.endpoint}/v1", endpoint="host"),
        trusted(r"^http://localhost:18080/.*$"),
        trusted(r"^http://\[::1\]:18080/.*$"),
        connection(search_url="http://127.0.0.1:19200", database_host="127.0.0.1"),
        connection(search_url="https://pc.example:3001", database_host="pc.example", database_tls="true"),
        connection(search_url="https://pc.example:3001"),
        index(),
    ],
)
def test_https_and_tls_pass_and_so_does_loopback(declared):
    assert list(is_encrypted(declared)) == []


TLS = "database_host pc.example is reached without TLS; write database_tls: true, or the path of the CA's PEM file"


@pytest.mark.parametrize(
    ("declared", "violation"),
    [
        (connector("http://host/v1"), "actions[0].url http://host/v1 is not encrypted; write https://"),
        (
            connector("${parameters.scheme}://host/v1", scheme="http"),
            "actions[0].url http://host/v1 is not encrypted; write https://",
        ),
        (trusted(r"^http://my\.host/.*$"), "pattern http://my.host is not encrypted; write https://"),
        (
            connection(search_url="http://pc.example:3001"),
            "search_url http://pc.example:3001 is not encrypted; write https://",
        ),
        (connection(database_host="pc.example"), TLS),
        (connection(database_host="pc.example", database_tls=""), TLS),
    ],
)
def test_http_outside_loopback_is_refused(declared, violation):
    assert list(is_encrypted(declared)) == [violation]


@pytest.mark.parametrize(
    ("declared", "violations"),
    [
        (index(), []),
        (index(deletion_protection=True, replicas=1), []),
        (index("dev", deletion_protection=False, replicas=0), []),
        (index(replicas=0, settings={"auto_expand_replicas": "0-1"}), []),
        (index(replicas=0), ["index docs_1 has no replica; write replicas: 1 or more"]),
        (Declared(SOURCE_TABLE, {"name": "t", "deletion_protection": True}, "prod"), []),
        (
            Declared(SOURCE_TABLE, {"name": "t", "deletion_protection": False}, "prod"),
            ["table t has deletion_protection: false; write true"],
        ),
        (index(deletion_protection=False), ["index docs_1 has deletion_protection: false; write true"]),
        (connector(), []),
    ],
)
def test_an_index_in_production_is_protected_and_has_a_replica(declared, violations):
    assert list(is_kept_in_production(declared)) == violations


def test_production_is_what_its_configuration_names():
    assert list(is_kept_in_production(index("live", replicas=0), ["live"])) != []
    assert list(is_kept_in_production(index("prod", replicas=0), ["live"])) == []


@pytest.mark.parametrize(
    "declared",
    [
        connector(headers={"Authorization": "Bearer ${credential.api_key}", "content-type": "application/json"}),
        connector(body='{"input": ${parameters.input}}', model="text-embedding-v4"),
        trusted("^https://host/.*$"),
    ],
)
def test_a_key_in_the_credential_passes(declared):
    assert list(has_no_open_key(declared)) == []


@pytest.mark.parametrize(
    ("declared", "place"),
    [
        (connector(headers={"Authorization": "Bearer sk-0123456789"}), "actions[0].headers.Authorization"),
        (connector(headers={"api-key": "0123456789"}), "actions[0].headers.api-key"),
        (connector("https://host/v1?key=abc"), "actions[0].url"),
        (connector(body='{"token": "sk-0123456789"}'), "actions[0].request_body"),
        (connector(api_key="0123456789"), "parameters.api_key"),
    ],
)
def test_a_key_elsewhere_is_refused_and_not_repeated(declared, place):
    [violation] = has_no_open_key(declared)
    assert violation.startswith(f"{place} holds a key that is no secret; write it in `credential`")
    assert "0123456789" not in violation


STEP = "input_docs_processed_step_size"


@pytest.mark.parametrize(
    ("declared", "violations"),
    [
        (connector(model="text-embedding-v4", **{STEP: "10"}), []),
        (connector(model="a-model-of-ours", **{STEP: "1000"}), []),
        (connector(model="text-embedding-v4"), []),
        (
            connector(model="text-embedding-v4", **{STEP: "11"}),
            [f"parameters.{STEP} is 11, and text-embedding-v4 takes 10 texts at most; write 10 or less"],
        ),
        (index(), []),
    ],
)
def test_a_batch_is_within_the_limit_of_the_model(declared, violations):
    assert list(batches_within_the_limit(declared)) == violations


@pytest.mark.parametrize(
    ("type", "names", "encrypted", "found"),
    [
        (CONNECTION, ["p:search_password", "p:search_url"], [], ["search_password"]),
        (CONNECTION, ["p:search_password"], ["p:search_password"], []),
        (CONNECTOR, ["credential", "name"], [], ["credential"]),
        (INDEX, ["credential"], [], []),
    ],
)
def test_a_secret_that_is_not_encrypted_is_found(type, names, encrypted, found):
    assert unencrypted(type, names, encrypted) == found


def test_every_secret_of_every_kind_is_known():
    for module in pkgutil.iter_modules(providers.__path__, "providers."):
        importlib.import_module(module.name)
    kept = {f"pulumi-python:{each._resource_type_name}": each.kind.inputs_type for each in Resource.__subclasses__()}
    assert {type: set(inputs.secret()) for type, inputs in kept.items() if inputs.secret()} == {
        type: names for type, names in SECRETS.items() if type != CONNECTION
    }


def test_a_connection_is_read_without_the_projects_name():
    assert plain({"project:search_url": "u", "version": "1"}) == {"search_url": "u", "version": "1"}


def test_the_stack_is_in_the_urn():
    assert stack_of("urn:pulumi:prod::project::a:b:C$d:e:F::name") == "prod"
