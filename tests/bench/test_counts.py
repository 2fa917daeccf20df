"""The number of requests, statements and connections of stack dev, whose two collections are 18 objects.

The deletion guard and the garbage collector are two of them: they make requests only when they are deleted.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from bench.project import OPERATIONS, product
from bench.services import services as started
from bench.shape import objects

STACK = Path(__file__).parents[2] / "stacks" / "Pulumi.dev.yaml"

REQUESTS = {"create": 3.0 * 18, "up without changes": 2, "preview": 0, "refresh": 1.0 * 18, "destroy": 2.2 * 18}
"""The maximum of HTTP requests, by operation; a create includes the preflight."""

STATEMENTS = {"create": 44, "up without changes": 2, "preview": 0, "refresh": 11, "destroy": 16}
"""The maximum of SQL statements, including those that set up a connection."""

CONNECTIONS = {"create": 2, "up without changes": 1, "preview": 0, "refresh": 1, "destroy": 1}
"""The maximum of database connections: one for the program and one for the plugin."""

STATE = 3000
"""The maximum of bytes of state, for each resource."""


@pytest.fixture
def services(tmp_path):
    """A sandbox with the tables of stack dev."""
    with started(tmp_path / "sandbox", samples=True) as running:
        yield running


def test_no_operation_makes_more_calls_than_its_limit(found, services, tmp_path):
    project = product(found, tmp_path, services)
    project.configure(configuration(services))
    over, state = [], []
    for operation, command in OPERATIONS.items():
        before, calls = services.counts, services.calls
        project.run(*command)
        made = services.counts - before
        over += excess(operation, made, services.calls - calls)
        state = state or project.state()
    assert len(objects(state)) == 18
    assert not over, "\n".join(["calls for 18 objects:", *over])
    assert len(json.dumps(state, separators=(",", ":"))) <= STATE * len(state)


def configuration(services):
    """Returns the configuration of stack dev on these services, with a model that takes no time."""
    blocks = yaml.safe_load(STACK.read_text())["config"]
    named = {key.split(":")[1]: block for key, block in blocks.items()}
    url = {"url": f"{services.box.embeddings_url}/embeddings", "model": "hashing", "send_dimensions": True}
    embedding = {**named["embedding"], **url}
    return {"connection": services.connection, "embedding": embedding, "collections": named["collections"]}


def excess(operation, made, calls):
    """Returns the counts above their limit, and the most frequent calls."""
    often = "; ".join(f"{number} × {call[:100]}" for call, number in calls.most_common(6))
    counted = {
        "requests": (made.requests, REQUESTS),
        "statements": (made.statements, STATEMENTS),
        "connections to the database": (calls["SET NAMES utf8mb4"], CONNECTIONS),
    }
    for name, (number, limits) in counted.items():
        if number > limits[operation]:
            yield f"{operation}: {number} {name}, at most {limits[operation]:g}: {often}"
