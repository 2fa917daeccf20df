"""The search service restarts during a backfill: the alias moves nevertheless, and only to a complete index."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

ROWS = 700
EMBEDDED_BEFORE = 52
"""Requests of ten texts: enough for the first bulk request of either AutoETL, and not for the last."""


@pytest.fixture
def many(project, world, eventually):
    """A stack that is up, with enough rows for several bulk requests, which all have their vectors."""
    world.fill("db.docs (id, body)", [(id, f"article number {id}") for id in range(100, 100 + ROWS - 4)])
    world.sql("DELETE FROM db.docs WHERE body = ''")
    project.up()
    eventually(lambda: world.count("docs", "vector") == ROWS)
    return project


@contextmanager
def in_background(project, *command):
    """Kills the command at the end if it still runs."""
    running = project.start(*command)
    try:
        yield running
    finally:
        if running.poll() is None:
            project.kill(running)


def test_a_restart_during_a_backfill_does_not_move_the_alias_early(many, world, eventually):
    [old] = world.inventory()["indexes"]
    many.embedding(dimension=128)
    world.embeddings.hold(after=EMBEDDED_BEFORE)
    with in_background(many, "up", "--yes", "--skip-preview") as running:
        [new] = eventually(lambda: set(world.inventory()["indexes"]) - {old})
        eventually(lambda: 0 < world.count(new) < ROWS)
        world.restart_search()
        world.embeddings.release()
        output, _ = running.communicate(timeout=120)
    if running.returncode:  # it fails if the service is unavailable for long; then the next one continues
        assert "Traceback" not in output
        many.run("cancel", "--yes", ok=None)
        many.up()
    assert world.count("docs", "vector") == world.count("docs") == ROWS
    left = world.inventory()
    assert (left["indexes"], left["aliases"]) == ([new], ["docs"])
    assert world.nearest("docs", "a warm jumper")[0] == "1"
    many.refresh(ok=None)  # 2.19.1 may stop redeploying its models (restart.jsonl in the recordings)
    many.up()
    assert world.search("GET", f"/_plugins/_ml/models/{many.outputs()['model_id']}")["model_state"] == "DEPLOYED"
    assert many.preview() == {}
