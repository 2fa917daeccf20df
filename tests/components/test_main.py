"""The project's program, `__main__.py`, with the configurations in `stacks/`."""

from __future__ import annotations

import json
import runpy
import signal
import threading
from pathlib import Path
from types import SimpleNamespace

import pulumi
import pytest
import yaml
from pulumi.runtime import get_root_resource

import components.checkpoint
import components.preflight
import components.recovery

ROOT = Path(__file__).parents[2]
PROJECT = "polardb-semantic-search"
SECRETS = ["searchPassword", "databasePassword", "embeddingApiKey"]


def configuration(stack, **changes):
    """Returns a stack's configuration as Pulumi passes it to a program: blocks as JSON, with secrets of the test."""
    text = (ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text().replace("pc-xxx", "pc-1a2b3c")
    written = yaml.safe_load(text)["config"]
    blocks = {key: json.dumps(value) for key, value in written.items() if "secure" not in value}
    secrets = {f"{PROJECT}:{name}": f"the-{name}" for name in SECRETS}
    return {**blocks, **secrets, **{f"{PROJECT}:{name}": value for name, value in changes.items()}}


@pytest.fixture(autouse=True)
def process():
    """Restores the signal handler and the log function that the program changes in its process."""
    before, debug = signal.getsignal(signal.SIGINT), pulumi.log.debug
    yield
    signal.signal(signal.SIGINT, before)
    pulumi.log.debug = debug


@pytest.fixture(autouse=True)
def preflight(monkeypatch):
    """Replaces the preflight. Returns the list of its calls, and the list of problems that it reports."""
    calls, found = [], []

    def problems(connections, stack, state, inventory):
        calls.append((connections, stack.name, [collection.name for collection in stack.collections]))
        return found

    monkeypatch.setattr(components.preflight, "problems", problems)
    monkeypatch.setattr(components.recovery.Recovery, "delete_orphans", lambda *_: None)
    monkeypatch.setattr(components.checkpoint, "invoke", lambda *_: SimpleNamespace(value={}))
    return calls, found


@pytest.fixture
def run_main(declare):
    """Runs the program, and returns the resources that it declares, by name."""

    def run(config, secrets=tuple(SECRETS), **options):
        program = lambda: runpy.run_path(str(ROOT / "__main__.py")) and None  # noqa: E731
        declared = declare(program, config, [f"{PROJECT}:{name}" for name in secrets], **options)
        return {one.name: one for one in declared}

    return run


def test_stack_dev_declares_the_tutorial_table_and_the_products(run_main):
    declared = run_main(configuration("dev"))
    parts = {name.split("-")[1] for name in declared if "-" in name}
    guards = {"deletion", "garbage"}
    assert parts == {"embedding", "documents", "products", "db.test_table", "shop.products", *guards}
    assert declared["search-db.test_table-table"]["name"] == "test_table"
    assert declared["search-products-index"]["vectors"]["description_vector"]["dimension"] == 384
    assert declared["connection"][f"{PROJECT}:search_url"] == "http://127.0.0.1:19200"


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_every_stack_runs_and_encrypts_its_secrets(run_main, stack):
    declared = run_main(configuration(stack))
    connection = declared["connection"]
    assert connection[f"{PROJECT}:search_password"] == "the-searchPassword"
    assert connection.secret == {f"{PROJECT}:search_password", f"{PROJECT}:database_password"}
    connector = declared["search-embedding-connector"]
    assert connector["credential"] == {"api_key": "the-embeddingApiKey"}
    assert connector.secret == {"credential"}
    rest = [one for name, one in declared.items() if name not in ("connection", "search-embedding-connector")]
    assert not [one.name for one in rest if any(f"the-{secret}" in str(one.inputs) for secret in SECRETS)]


def test_a_service_by_name_is_declared_with_the_keys_of_aws(run_main):
    model = {"service": "bedrock", "model": "cohere.embed-multilingual-v3", "dimension": 1024}
    block = json.dumps({**model, "aws_sigv4": {"region": "eu-central-1"}})
    keys = {
        "embeddingAccessKey": "AKIDEXAMPLE",
        "embeddingSecretKey": "the-secret",
        "embeddingSessionToken": "the-token",
    }
    config = {**configuration("dev", **keys), f"{PROJECT}:embedding": block}
    declared = run_main(config, secrets=[*SECRETS, *keys])
    for name in ("connector", "query-connector"):
        connector = declared[f"search-embedding-{name}"]
        credential = {"access_key": "AKIDEXAMPLE", "secret_key": "the-secret", "session_token": "the-token"}
        assert (connector["credential"], connector.secret) == (credential, {"credential"})
        assert connector["protocol"] == "aws_sigv4"
    assert set(get_root_resource().outputs) == {"model_id", "query_model_id", "dimension", "collections"}
    assert "embeddingSecretKey" not in str([one.inputs for one in declared.values()])


def test_keys_of_aws_in_plain_text_are_a_mistake(run_main):
    with pytest.raises(pulumi.RunError, match="embeddingSecretKey: stands in the file as plain text"):
        run_main(configuration("dev", embeddingSecretKey="open"), secrets=SECRETS)


def test_a_stack_without_secrets_runs(run_main):
    """A local embedding service needs no key, and a cluster without the security plugin needs no password."""
    config = {key: value for key, value in configuration("dev").items() if key.split(":")[1] not in SECRETS}
    declared = run_main(config)
    assert "credential" not in declared["search-embedding-connector"].inputs
    assert declared["connection"][f"{PROJECT}:search_password"] == ""


def test_the_outputs_for_applications_are_exported(run_main):
    run_main(configuration("dev"))
    outputs = get_root_resource().outputs
    assert {"model_id", "dimension", "collections"} <= set(outputs)
    assert set(outputs["collections"]) == {"documents", "products"}


def test_every_mistake_is_reported_and_nothing_declared(run_main):
    config = configuration("dev", embeddingApiKey="${EMBEDDING_API_KEY}", searchPassword="open")
    config[f"{PROJECT}:embedding"] = json.dumps({"url": "nowhere", "model": "m", "dimension": 0, "modle": 1})
    config[f"{PROJECT}:collections"] = "[]"
    with pytest.raises(pulumi.RunError) as stopped:
        run_main(config, secrets=["databasePassword", "embeddingApiKey"])
    first, *mistakes = str(stopped.value).splitlines()
    assert first == f"{len(mistakes)} mistakes in the configuration, nothing was touched:"
    assert [mistake.split(":")[0].strip() for mistake in mistakes] == [
        "searchPassword",
        "embeddingApiKey",
        "embedding.url",
        "embedding.dimension",
        "embedding.modle",
        "collections",
    ]
    assert "open" not in [word.strip("'") for word in str(stopped.value).split()]


def test_the_preflight_runs_before_anything_is_declared(run_main, preflight):
    calls, found = preflight
    found.append("index documents_1 exists and is not ours")
    with pytest.raises(pulumi.RunError, match=r"^1 thing is in the way, nothing was touched:\n  index documents_1"):
        run_main(configuration("dev"))
    [(connections, stack, collections)] = calls
    passwords = {"the-searchPassword", "the-databasePassword"}
    assert set(connections.secrets()) == passwords | {"polarsearch_user:the-searchPassword"}
    assert (stack, collections) == ("search", ["documents", "products"])


def test_a_preview_runs_no_preflight(run_main, preflight):
    assert "search-products-alias" in run_main(configuration("dev"), preview=True)
    assert preflight == ([], [])


def test_the_examples_placeholder_is_a_mistake(run_main):
    text = (ROOT / "stacks" / "Pulumi.prod.yaml").read_text()
    places = json.dumps(yaml.safe_load(text)["config"][f"{PROJECT}:connection"])
    said = r"connection\.search_url: pc-xxx stands for your cluster's id.*\n.*connection\.database_host: pc-xxx"
    with pytest.raises(pulumi.RunError, match=said):
        run_main({**configuration("prod"), f"{PROJECT}:connection": places})


def test_an_interrupt_ends_the_program_at_once(run_main):
    """Python's own handler would print a traceback over the engine's error."""
    run_main(configuration("dev"))
    assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL


@pytest.mark.parametrize(("environment", "sent"), [({}, False), ({"POLARSEARCH_DEBUG": "1"}, True)])
def test_debug_lines_of_the_sdk_are_sent_on_demand(run_main, monkeypatch, environment, sent):
    """Each is a request to the engine, which shows them only with --debug."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    debug = pulumi.log.debug
    run_main(configuration("dev"))
    assert (pulumi.log.debug is debug) is sent


def test_the_program_runs_in_another_thread(run_main):
    declared = []
    thread = threading.Thread(target=lambda: declared.extend(run_main(configuration("dev"))))
    thread.start()
    thread.join(30)
    assert "search-products-alias" in declared
    assert signal.getsignal(signal.SIGINT) != signal.SIG_DFL
