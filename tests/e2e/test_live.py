"""Every change of a live stack, with 20 writes and 20 searches a second: none fails, and nothing is lost.

`LIVE=all` for each kind of change; by default the one in which the most happens.
"""

from __future__ import annotations

import os
import time

import pytest

from tests.e2e.live import Live

CUTOVERS, RATE = 5, 200

NEW_KEY = "sk-rotated-0123456789"


def rotate(project, world):
    world.keys.add(NEW_KEY)
    project.secret("embeddingApiKey", NEW_KEY)


CHANGES = {
    "a new key": rotate,
    "in place": lambda project, _: project.collection(
        search={"weights": [0.4, 0.6]}, settings={"max_result_window": 500}
    ),
    "a new generation": lambda project, _: project.collection(revision=2),
    "another dimension": lambda project, _: project.embedding(dimension=128),
}


ALL = os.environ.get("LIVE") == "all"
CHOSEN = list(CHANGES) if ALL else ["another dimension"]


@pytest.mark.parametrize("change", CHOSEN)
def test_no_search_fails_and_no_row_is_lost_while_a_live_stack_changes(project, world, eventually, change):
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    with Live(world).traffic() as live:
        eventually(lambda: live.seen["searches"] > 20)
        CHANGES[change](project, world)
        project.up()
        after = live.seen["searches"]
        eventually(lambda: live.seen["searches"] > after + 20)
    wrong = {what: live.seen[what] for what in ("empty", "mixed", "stale")}
    assert (world.unexplained(live.failed), wrong) == ([], {"empty": 0, "mixed": 0, "stale": 0}), live.seen
    [[rows, texts]] = world.sql("SELECT COUNT(*), SUM(body <> '') FROM db.docs")
    eventually(lambda: (world.count("docs"), world.count("docs", "vector")) == (rows, texts))
    assert project.preview() == {}


@pytest.mark.skipif(not ALL, reason="measures for minutes: LIVE=all")
def test_the_searches_that_fail_in_the_moment_of_a_cutover(project, world, eventually, capsys):
    """A real OpenSearch embeds a text with the old index's model, and then resolves the alias (docs/reliability.md)."""
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    failed, rates = [], []
    with Live(world, RATE, searchers=16).traffic() as live:
        for cutover in range(CUTOVERS):
            began, seen, known = time.monotonic(), live.seen["searches"], len(live.failed)
            project.embedding(dimension=[128, 64][cutover % 2])
            project.up()
            rates.append((live.seen["searches"] - seen) / (time.monotonic() - began))
            failed.append(len(live.failed) - known)
    assert [answer for answer in live.failed if "invalid dimension" not in answer] == []
    with capsys.disabled():
        print(f"\nfailed searches per cutover: {failed}, at {min(rates):.0f} to {max(rates):.0f} searches a second")
    assert max(failed) <= RATE / 10
