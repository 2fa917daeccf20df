"""The README agrees with the code: its configuration is valid, its commands exist, its tables are complete."""

from __future__ import annotations

import importlib
import json
import pathlib
import pkgutil
import re

import pytest
import yaml

import providers
from components.embedding_services import NAMES
from components.queries import PLACEHOLDER, neural, ready
from components.settings import EMBEDDING_SECRETS
from components.validation import parse
from providers.connection import Connection
from providers.kit import Resource
from providers.services.texts import EmbeddedText

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()

for module in pkgutil.iter_modules(providers.__path__, "providers."):
    importlib.import_module(module.name)


def rows(heading):
    """Returns the cells of the first table after a heading, without its header."""
    table = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_configuration_is_valid():
    block = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1].replace("pc-xxx", "pc-1a2b3c")
    config = yaml.safe_load(block)["config"]
    settings = parse({name.split(":")[1]: value for name, value in config.items()})
    assert settings.collections[0].name == "documents"


def test_the_embedding_service_is_valid():
    first, *others = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    [embedding] = (block for block in others if "service:" in block)
    config = {**yaml.safe_load(first.replace("pc-xxx", "pc-1a2b3c"))["config"], **yaml.safe_load(embedding)}
    keys = {"embeddingAccessKey": "AKIDEXAMPLE", "embeddingSecretKey": "s"}
    settings = parse({name.split(":")[1]: value for name, value in config.items()}, keys=keys)
    assert settings.embedding.service == "bedrock"


def test_every_embedding_service_is_in_the_table():
    named = {name for row in rows("Embedding services") for name in re.findall(r"`(\w+)`", row[0])}
    assert {*NAMES} <= named


def test_the_commented_services_of_stack_prod_are_valid():
    text = (ROOT / "stacks" / "Pulumi.prod.yaml").read_text()
    commented = re.findall(r"^  # (polardb-semantic-search:embedding:.*\n(?:  #   .*\n)*)", text, re.MULTILINE)
    config = yaml.safe_load(text.replace("pc-xxx", "pc-1a2b3c"))["config"]
    keys = dict.fromkeys(EMBEDDING_SECRETS, "key-0123456789")
    for block in commented:
        changed = {**config, **yaml.safe_load(block.replace("\n  # ", "\n"))}
        assert parse({name.split(":")[1]: value for name, value in changed.items()}, keys=keys).embedding.service
    assert len(commented) == 2


def queried(block):
    """Returns the mistakes of README's collection with the source and fields of another block of YAML."""
    config = yaml.safe_load(re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1].replace("pc-xxx", "pc-1a2b3c"))[
        "config"
    ]
    blocks = {name.split(":")[1]: value for name, value in config.items()}
    [collection] = blocks["collections"]
    given = {**collection, **yaml.safe_load(block)}
    texts = {field: {"type": "text"} for field in given["fields"]}
    first = next(iter(texts))
    vector = {"mapping": {**texts, "vector": {"type": "knn_vector"}}, "field_map": {first: "vector"}}
    return parse({**blocks, "collections": [{**given, **vector}]}).collections[0]


def test_the_query_is_valid():
    block = README.split("```yaml\n")[2].split("```")[0]
    assert queried(block).source.tables == ["shop.products", "shop.categories"]


def test_the_query_of_the_stack_for_production_is_valid():
    stack = (ROOT / "stacks" / "Pulumi.prod.yaml").read_text()
    lines = re.findall(r"^      # ((?:source:|  |sync:).*)", stack, re.MULTILINE)
    collection = queried("\n".join([*lines, "fields: {id: id, my_text: t2}"]))
    assert (collection.sync.backend, collection.source.tables) == ("search_view", ["db.test_table", "db.names"])


def test_the_commands_exist():
    targets = set(re.findall(r"^([a-z][a-z-]*):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z][a-z-]+)", README))
    assert named - targets == set()
    assert targets - named == set()


def name_of(resource: type[Resource]) -> str:
    return resource.__name__


@pytest.mark.parametrize("resource", sorted(Resource.__subclasses__(), key=name_of), ids=name_of)
def test_the_table_of_kinds_names_every_input(resource):
    [[_, _, inputs]] = [row for row in rows("The kinds") if row[0] == f"`{resource.__name__}`"]
    first = inputs.split(";")[0]
    named = set(re.findall(r"\w+", re.sub(r"\(.*?\)", "", first)))
    assert named == set(resource.kind.inputs_type.model_fields) - {"owner"}


def test_the_table_of_kinds_names_every_value_of_a_connection():
    [[_, _, inputs]] = [row for row in rows("The kinds") if row[0] == "`Connection`"]
    parameters = set(Connection.__init__.__annotations__) - {"resource_name", "opts", "return"}
    assert set(re.findall(r"\w+", inputs)) == parameters


def test_every_dependency_is_named_with_its_reason():
    project = (ROOT / "pyproject.toml").read_text().split("[tool.")[0]
    declared = {name.lower() for name in re.findall(r'"([A-Za-z][\w-]+)\s*(?:[=<>!~].*?)?"[,\]]', project)}
    named = re.findall(r"[\w-]+", " ".join(row[0] for row in rows("Dependencies")))
    libraries = {name for name in declared if not name.startswith(("types-", "grpc-stubs"))}
    assert libraries - {name.lower() for name in named} - {"polardb-semantic-search", "apache-2"} == set()


def test_the_placeholder_is_the_one_in_the_queries():
    assert f'"{PLACEHOLDER}"' in README


@pytest.mark.parametrize("text", ["coffee", 'say "hot"', "back\\slash", '"}}, "size": 0, "x": {"'])
def test_the_example_query_accepts_any_text(text):
    """A text must be escaped: inserted into JSON unchanged, it could change the query."""
    [line] = re.findall(r"^body = .*$", README, re.MULTILINE)
    filled = {"query": ready(neural([EmbeddedText("v", ["t"])])), "json": json}
    exec(line.replace('"something to keep coffee hot"', repr(text)), filled)
    assert json.loads(filled["body"])["query"]["neural"]["v"]["query_text"] == text
