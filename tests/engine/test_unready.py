"""Refresh of a resource that exists and is not ready: the kit's `read` relies on both results."""

import pytest

UNREADY = {"name": "a", "fail": "ready"}
REASON = "not ready: 2 of 3 nodes"


@pytest.fixture
def kept(stage):
    """A stage with one resource that was created and is not ready."""
    up(stage, UNREADY)
    assert init_errors(stage) == [REASON]
    return stage


def up(stage, inputs):
    return stage.play({"do": "up", "scene": {"resources": [{"name": "a", "inputs": inputs}]}})


def init_errors(stage):
    (row,) = (row for row in stage.state()["resources"] if row["urn"].endswith("::a"))
    return row.get("initErrors")


def planned(stage):
    return [step["op"] for step in stage.play({"do": "preview"})["steps"] if step["urn"].endswith("::a")]


def test_a_successful_read_clears_init_errors_and_up_does_not_update(kept):
    assert planned(kept) == ["update"]
    kept.play({"do": "refresh"})
    assert init_errors(kept) is None
    assert planned(kept) == []


def test_a_read_that_is_not_ready_keeps_init_errors_and_up_updates(kept):
    refreshed = kept.play({"do": "refresh", "world": {"a-id": {"unready": "1 of 3 nodes"}}})
    assert "1 of 3 nodes" in refreshed["output"]
    assert init_errors(kept) == ["1 of 3 nodes"]
    assert planned(kept) == ["update"]
    done = up(kept, {"name": "a"})
    assert (done["ok"], [call["call"] for call in done["calls"] if call["call"] == "update"]) == (True, ["update"])
    assert init_errors(kept) is None
