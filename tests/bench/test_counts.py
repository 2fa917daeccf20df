"""How many requests and statements stack dev makes, its two collections being 16 objects."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.project import OPERATIONS, product
from bench.services import services as started
from bench.shape import objects

STACK = Path(__file__).parents[2] / "stacks" / "Pulumi.dev.yaml"

AN_OBJECT = {"create": 3.0, "refresh": 1.0, "destroy": 2.2}
"""By operation, at most so many requests and statements for each object; a create includes the checks before it."""
IN_ALL = {"up without changes": 2, "preview": 0}
"""At most so many, however many objects there are."""


@pytest.fixture
def services(tmp_path):
    """With the rows that stack dev is about."""
    with started(tmp_path / "sandbox", samples=True) as running:
        yield running


def test_no_operation_makes_more_calls_than_it_may(found, services, tmp_path):
    project = product(found, tmp_path, services)
    project.configure(configuration(services))
    calls, state = {}, []
    for operation, command in OPERATIONS.items():
        before = services.calls
        project.run(*command)
        calls[operation] = services.calls - before
        state = state or project.state()
    assert len(objects(state)) == 16
    allowed = {operation: most * 16 for operation, most in AN_OBJECT.items()} | IN_ALL
    over = [told(operation, calls[operation], most) for operation, most in allowed.items()
            if calls[operation].total() > most]  # fmt: skip
    assert not over, "\n".join(["calls for 16 objects:", *over])


def configuration(services):
    """Stack dev's, on these services; its vectors come from a model that takes no time."""
    blocks = yaml.safe_load(STACK.read_text())["config"]
    named = {key.split(":")[1]: block for key, block in blocks.items()}
    url = {"url": f"{services.box.embeddings_url}/embeddings", "model": "hashing", "send_dimensions": True}
    embedding = {**named["embedding"], **url}
    return {"connection": services.connection, "embedding": embedding, "collections": named["collections"]}


def told(operation, calls, most):
    """The calls, and which are made most often."""
    often = "; ".join(f"{number} × {call[:100]}" for call, number in calls.most_common(6))
    return f"{operation}: {calls.total()}, at most {most:g}: {often}"
