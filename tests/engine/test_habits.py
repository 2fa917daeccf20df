"""The engine's behaviour that the design relies on, compared with recordings of a real engine (CLI 3.260.0).

The engine's order of resources that do not depend on each other is not defined, and is not compared.
With ENGINE_SCENARIOS=all the other scenarios are played too (`make test-engine`).
"""

import json
import os
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

EXPECTED = Path(__file__).resolve().parent / "expected"

# Scenario → what the design relies on.
HABITS = {
    "created-but-not-ready": "a create whose wait fails is kept with its id and the reason, and the next up updates it",
    "create-fails": "a failed create is one line, and its dependents are not created",
    "check-refuses": "a refusal is one line, before any other call for that resource",
    "update-fails": "a failed update is repeated by the next up",
    "nothing-changed": "a second up changes nothing",
    "new-key": "a new connector is created, the model updated, the old connector deleted, in this order",
    "new-generation": "the alias moves between the creates of the new and the deletes of the old generation",
    "new-generation-switch-fails": "if the alias cannot move, nothing old is deleted, and the next up continues",
    "new-generation-taken-back": "reverting creates the old generation again, then deletes it by the same ids",
    "refresh-finds-drift": "the next up restores what read shows as drifted",
    "refresh-finds-it-gone": "only an empty id from read means deleted, and the next up creates it again",
    "killed-while-creating": "a killed create stays pending, and is requested again",
    "connection-inherited": "a component passes its connection to its children",
    "connection-changes": "another connection replaces nothing, and refresh uses the stored one",
    "secrets": "secrets are never in state or preview as plain text",
    "depends-on-orders-deletes": "a resource is deleted after its dependents",
}


def everything():
    return sorted(path.stem for path in EXPECTED.glob("*.json"))


def chosen():
    return everything() if os.environ.get("ENGINE_SCENARIOS") == "all" else sorted(HABITS)


def test_every_scenario_has_expected_results(scenarios):
    assert sorted(scenarios) == everything()
    assert set(HABITS) <= set(scenarios)


@pytest.mark.parametrize("name", chosen())
def test_the_engine_behaves_as_recorded(name, scenarios, stage):
    expected = json.loads((EXPECTED / f"{name}.json").read_text())
    relations = Relations(expected)
    for number, (step, wanted) in enumerate(zip(scenarios[name], expected, strict=True)):
        seen = stage.play(step)
        where = f"{name}, step {number}: {HABITS.get(name, '')}\n{seen['output']}"
        assert "Traceback" not in seen["output"], where
        for key in ("do", "ok", "errors", "summary"):
            assert seen.get(key) == wanted.get(key), where
        assert_same_order(seen["calls"], wanted["calls"], relations.of_calls, where)
        assert_same_order(seen.get("steps", []), wanted.get("steps", []), relations.of_steps, where)
        assert canonical(seen["state"]) == canonical(wanted["state"]), where


def assert_same_order(seen, wanted, ordered, where):
    """Asserts that the items are the same, and in order where their order is defined."""
    assert Counter(map(text, seen)) == Counter(map(text, wanted)), where
    places = place(seen)
    for earlier, later in combinations(numbered(wanted), 2):
        if ordered(earlier[1], later[1]):
            assert places[text(earlier)] < places[text(later)], f"{where}\n{earlier} comes after {later}"


def numbered(items):
    """Returns each item with the number of its previous occurrences, which makes repeated items distinct."""
    seen: Counter[str] = Counter()
    for item in items:
        yield (seen[text(item)], item)
        seen[text(item)] += 1


def place(items):
    return {text(item): index for index, item in enumerate(numbered(items))}


def text(item):
    return json.dumps(item, sort_keys=True)


def canonical(state):
    return {key: sorted(map(text, rows)) for key, rows in state.items()}


class Relations:
    """The pairs whose order is defined: steps of one resource, and of two resources that depend on each other."""

    def __init__(self, expected):
        rows = [row for step in expected for row in step["state"]["resources"]]
        self.needs: dict[str, set[str]] = {}
        self.urns: dict[str, set[str]] = {}
        for row in rows:
            needs = {*row["dependencies"], row.get("parent"), row.get("provider")} - {None}
            self.needs.setdefault(row["urn"], set()).update(needs)
            self.urns.setdefault(row.get("inputs", {}).get("name"), set()).add(row["urn"])

    def of_steps(self, one, other):
        if one["urn"] == other["urn"]:
            return not (one["op"].startswith("delete") and other["op"].startswith("delete"))
        return self._related(one["urn"], other["urn"])

    def of_calls(self, one, other):
        if subject(one) == subject(other):
            return True
        if one["call"] == other["call"] == "delete" and self._same_urn(one, other):
            return False  # the old and the new object of one resource
        return any(
            urn == its or self._related(urn, its)
            for urn in self.urns.get(subject(one), ())
            for its in self.urns.get(subject(other), ())
        )

    def _same_urn(self, one, other):
        return bool(self.urns.get(subject(one), set()) & self.urns.get(subject(other), set()))

    def _related(self, one, other):
        return other in self._all_needs(one) or one in self._all_needs(other)

    def _all_needs(self, urn):
        found, ahead = set(), [urn]
        while ahead:
            for need in self.needs.get(ahead.pop(), ()):
                if need not in found:
                    found.add(need)
                    ahead.append(need)
        return found


def subject(call):
    """Returns the name, in the service, of the object of a call."""
    for key in ("props", "news", "olds"):
        if name := call.get(key, {}).get("name"):
            return name
    return call.get("region")
