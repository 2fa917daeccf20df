"""Random walks: any dozen of operations, drifts and faults, and then `up --refresh` puts everything right.

`WALKS=200` for as many; by default a few, always the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .interception import FAULTS
from .runner import Stack
from .services import OWNER, World, foreign
from .table import CHANGES, CREATED, DESTROY, NOTHING, UP, Operation, Table, _done, refresh_then, table

WALKS = int(os.environ.get("WALKS", "12"))
STEPS = 12
TRIES = 3
"""How often a person runs `pulumi up --refresh` before giving up."""

OPERATIONS = {"up": UP, **{change.name: change for change in CHANGES}, "destroy": DESTROY}


@dataclass(frozen=True)
class Run:
    """One operation, in which the call at `index` goes wrong; none does where the operation makes fewer calls."""

    operation: str
    refreshed: bool = False
    index: int = -1
    fault: str = ""

    def take(self, stack: Stack, world: World) -> None:
        operation = OPERATIONS[self.operation]
        _done(refresh_then(operation) if self.refreshed else operation, stack, world, self.index, self.fault)


@dataclass(frozen=True)
class Drift:
    """What somebody else does to what is ours."""

    name: str

    def take(self, _stack: Stack, world: World) -> None:
        with suppress(AssertionError):  # what it is done to is not there
            DRIFTS[self.name](world)
        world.settled()


def ours(world: World, kind: str) -> list[str]:
    """The ids of our objects of a kind."""
    return [id for id, shown in world.everything()[kind].items() if OWNER in str(shown)]


def undeploy(world: World) -> None:
    for id in ours(world, "models"):
        world.ask("POST", f"/_plugins/_ml/models/{id}/_undeploy")


def delete_model(world: World) -> None:
    undeploy(world)
    for id in ours(world, "models"):
        world.ask("DELETE", f"/_plugins/_ml/models/{id}")


def empty_pipeline(world: World) -> None:
    """It keeps its description: one that has lost its owner reference is left alone by a destroy."""
    for name in ours(world, "ingest pipelines"):
        pipeline = world.ask("GET", f"/_ingest/pipeline/{name}")[name]
        world.ask("PUT", f"/_ingest/pipeline/{name}", {**pipeline, "processors": []})


def delete_search_pipeline(world: World) -> None:
    for name in ours(world, "search pipelines"):
        world.ask("DELETE", f"/_search/pipeline/{name}")


def delete_ingest_pipeline(world: World) -> None:
    """One that an index uses is not deleted; what makes it unused comes first."""
    for name in ours(world, "ingest pipelines"):
        world.ask("PUT", f"/{name}/_settings", {"index.default_pipeline": "_none"})
        world.ask("DELETE", f"/_ingest/pipeline/{name}")


def delete_index(world: World) -> None:
    for name in ours(world, "indexes"):
        world.ask("DELETE", f"/{name}")


def other_weights(world: World) -> None:
    for name in ours(world, "search pipelines"):
        pipeline = world.ask("GET", f"/_search/pipeline/{name}")[name]
        world.ask("PUT", f"/_search/pipeline/{name}", {**pipeline, "phase_results_processors": []})


def other_replicas(world: World) -> None:
    for name in ours(world, "indexes"):
        world.ask("PUT", f"/{name}/_settings", {"index.number_of_replicas": 1})


def remove_alias(world: World) -> None:
    for name in ours(world, "indexes"):
        world.ask("DELETE", f"/{name}/_alias/documents")


def drop_link(world: World) -> None:
    for id, link in world.everything()["links"].items():
        if "documents_" in link["Target"]:
            world.run(f"CALL dbms_etl.drop_sync_link({id!r})")


DRIFTS: dict[str, Callable[[World], None]] = {
    each.__name__: each
    for each in (
        undeploy,
        delete_model,
        empty_pipeline,
        delete_search_pipeline,
        delete_ingest_pipeline,
        delete_index,
        other_weights,
        other_replicas,
        remove_alias,
        drop_link,
    )
}

runs = st.builds(
    Run,
    operation=st.sampled_from(sorted(OPERATIONS)),
    refreshed=st.booleans(),
    index=st.integers(0, 60),
    fault=st.sampled_from(["", *FAULTS]),
)
drifts = st.builds(Drift, name=st.sampled_from(sorted(DRIFTS.keys() - {"delete_index"})))
"""Whose a link is, its index says: once that is deleted by hand and the link is not in state, nobody can tell."""


@pytest.fixture(scope="module")
def rows_table(tmp_path_factory) -> Table:
    return table(tmp_path_factory.mktemp("walks"))


def put_right(goal: Operation, stack: Stack, world: World) -> list[str]:
    """What was said until it ended well; the last is empty then."""
    said = []
    for _ in range(TRIES):
        said.append(_done(refresh_then(goal), stack, world))
        if not said[-1]:
            break
    return said


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("goal", [UP, CHANGES[0]], ids=lambda goal: goal.name)
def test_after_any_drift_an_up_with_refresh_puts_everything_right(rows_table, drift, goal):
    with rows_table._world(CREATED) as (world, stack):
        before = foreign(world.everything())
        Drift(drift).take(stack, world)
        assert not _done(refresh_then(goal), stack, world)
        assert rows_table._wrong(goal, stack, world, before) == []


@settings(max_examples=WALKS, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(walk=st.lists(st.one_of(runs, runs, drifts), min_size=STEPS, max_size=STEPS), goal=st.sampled_from(CHANGES))
def test_after_any_walk_one_more_up_puts_everything_right(rows_table, walk, goal):
    with rows_table._world(NOTHING) as (world, stack):
        before = foreign(world.everything())
        for step in walk:
            step.take(stack, world)
        said = put_right(goal, stack, world)
        assert not said[-1], said
        assert rows_table._wrong(goal, stack, world, before) == [], said
        assert not _done(DESTROY, stack, world)
        assert rows_table._wrong(DESTROY, stack, world, before) == []
