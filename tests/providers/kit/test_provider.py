"""Pulumi's dynamic-provider protocol: what is checked, what a change means, what a create leaves behind."""

from __future__ import annotations

import re

import pytest
from pulumi.output import Unknown

from providers.kit import Refused, SqlError

PROVIDER = "the pickle"


# check


def test_every_mistake_at_once_each_with_its_place(jugs):
    checked = jugs.check(size=0.0, parts=[{"width": 1}, {"width": "x", "depth": 2}], material=3)
    assert [failure.property for failure in checked.failures] == [""] * 5
    assert sorted(failure.reason.split(": ")[0] for failure in checked.failures) == [
        "material",
        "name",
        "parts[1].depth",
        "parts[1].width",
        "size",
    ]


def test_a_checked_input_has_its_defaults_and_its_normal_form(jugs):
    checked = jugs.check(name="jug", size=2.0)
    assert (checked.failures, checked.inputs) == (
        [],
        {"owner": "", "name": "jug", "material": "clay", "size": 2, "parts": []},
    )


def test_what_is_not_known_yet_passes_the_check(jugs):
    unknown = Unknown()
    checked = jugs.check(name=unknown, parts=[{"width": unknown}])
    assert checked.failures == []
    assert checked.inputs["name"] is unknown
    assert [failure.reason.split(":")[0] for failure in jugs.check(name=unknown, size=0).failures] == ["size"]


def test_check_and_diff_ask_no_service(jugs, shelf, jug):
    jugs.check(**jug)
    jugs.provider.diff("jug", jug, {**jug, "size": 2})
    assert (shelf.called, jugs.kind.services.checked) == ([], 0)


# diff


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({}, []),
        ({"size": 2}, []),
        ({"material": "tin"}, ["material"]),
        ({"name": "mug", "material": "tin"}, ["material", "name"]),
        ({"size": Unknown()}, []),
        ({"name": Unknown()}, ["name"]),
    ],
    ids=["same", "in place", "replaced", "both", "not known yet", "identity not known yet"],
)
def test_a_diff_leaves_it_to_the_engine_what_changed_and_says_what_replaces(jugs, change, replaces, jug):
    """`changes=None`: the engine compares the inputs itself, and shows which."""
    result = jugs.provider.diff("jug", jug, {**jug, **change})
    assert (result.changes, result.replaces) == (None, replaces)


@pytest.mark.parametrize(
    ("identity", "change", "first"),
    [
        ({"name"}, {"material": "tin"}, True),
        ({"name"}, {"material": "tin", "name": "mug"}, False),
        ({"name"}, {"size": 2}, False),
        (set(), {"material": "tin"}, False),
    ],
    ids=["the name stays", "another name", "nothing replaces", "the service gives names"],
)
def test_what_keeps_its_name_is_deleted_before_it_is_replaced(jugs_that, identity, change, first, jug):
    provider = jugs_that(identity=frozenset(identity)).provider
    assert provider.diff("jug", jug, {**jug, **change}).delete_before_replace is first


def test_a_refused_change_is_one_line(jugs_that, ended, jug):
    def refuse(old, new):
        raise Refused("a jug stays as it is")

    stubborn = jugs_that(plan=staticmethod(refuse))
    with pytest.raises(ended, match=r"^a jug stays as it is$"):
        stubborn.hosted(lambda: stubborn.provider.diff("jug", jug, jug))


# create


def test_a_create_checks_both_services_finds_makes_and_reads_once(jugs, shelf, reference, jug):
    made = jugs.create(**jug)
    assert (jugs.kind.services.checked, shelf.called) == (1, ["create", "read"])
    assert made.id == "jug"
    assert re.fullmatch("[0-9a-f]{16}", reference(made).uid)
    assert made.props == {**jug, "material": "clay", "dry": True, "uid": reference(made).uid}


def test_created_but_not_ready_it_is_kept_with_the_reason(jugs, shelf, ended, jug):
    shelf.wet = True
    checked = {**jugs.check(**jug).inputs, "__provider": PROVIDER}
    with pytest.raises(ended, match=r"jug jug is wet \(gave up after 10 s\)") as late:
        jugs.hosted(lambda: jugs.provider.create(checked))
    kept = jugs.kept(late.value)
    assert kept.id == "jug"
    assert list(late.value.kept.reasons) == [str(late.value)]
    assert kept.props.pop("uid") == shelf.jugs["jug"].uid
    assert kept.props.pop("dry") is True
    assert kept.props == kept.inputs == checked


def test_what_was_kept_is_brought_up_by_the_next_up(jugs, shelf, ended, jug):
    shelf.wet = True
    with pytest.raises(ended) as late:
        jugs.create(**jug)
    shelf.wet = False
    done = jugs.update(jugs.kept(late.value))
    assert (done.props["dry"], done.props["uid"]) == (True, shelf.jugs["jug"].uid)


def test_a_create_that_was_refused_leaves_nothing_behind(jugs, shelf, ended, jug):
    shelf.raises["create"] = [Refused("no clay left")]
    with pytest.raises(ended, match=r"^no clay left$") as refused:
        jugs.create(**jug)
    assert (refused.value.kept, shelf.jugs) == (None, {})


def test_a_lost_answer_is_looked_for(jugs, shelf, jug, lost):
    shelf.raises["create"] = [lost]
    assert jugs.create(**jug).id == "jug"
    assert shelf.called.count("create") == 1


def test_what_was_certainly_not_done_is_not_looked_for(jugs, shelf, ended, jug, busy):
    shelf.raises["create"] = [busy]
    with pytest.raises(ended, match=r"^PUT /jug: not now \(HTTP 503\)$"):
        jugs.create(**jug)


def test_a_statements_lost_answer_is_looked_for(jugs, shelf, jug):
    shelf.raises["create"] = [SqlError("CREATE TABLE jug", 2013, "Lost connection", answer_lost=True)]
    assert jugs.create(**jug).id == "jug"
    assert shelf.called.count("create") == 1


def test_a_lost_answer_to_what_did_not_happen_is_an_error(jugs, shelf, ended, jug, lost):
    shelf.raises["create"] = [lost, Refused("so that nothing is made")]
    with pytest.raises(ended, match=r"^PUT /jug: no answer$"):
        jugs.create(**jug)
    assert shelf.called.count("create") == 1


def test_a_service_that_cannot_be_reached_stops_it_before_anything_is_made(jugs, shelf, ended, jug):
    def unreachable():
        raise Refused("nobody there")

    jugs.kind.services.check_connectivity = unreachable
    with pytest.raises(ended, match=r"^nobody there$"):
        jugs.create(**jug)
    assert shelf.called == []
