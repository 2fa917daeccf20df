"""Pulumi's dynamic-provider protocol: check, diff and create."""

from __future__ import annotations

import re

import pytest
from pulumi.output import Unknown

from providers.kit import Refused, SqlError

PROVIDER = "the pickle"


# check


def test_check_reports_every_mistake_with_its_path(widgets):
    checked = widgets.check(size=0.0, parts=[{"width": 1}, {"width": "x", "depth": 2}], material=3)
    assert [failure.property for failure in checked.failures] == [""] * 5
    assert sorted(failure.reason.split(": ")[0] for failure in checked.failures) == [
        "material",
        "name",
        "parts[1].depth",
        "parts[1].width",
        "size",
    ]


def test_check_returns_normalized_inputs_with_defaults(widgets):
    checked = widgets.check(name="widget", size=2.0)
    assert (checked.failures, checked.inputs) == (
        [],
        {"owner": "", "name": "widget", "material": "steel", "size": 2, "parts": []},
    )


def test_unknown_values_pass_the_check(widgets):
    unknown = Unknown()
    checked = widgets.check(name=unknown, parts=[{"width": unknown}])
    assert checked.failures == []
    assert checked.inputs["name"] is unknown
    assert [failure.reason.split(":")[0] for failure in widgets.check(name=unknown, size=0).failures] == ["size"]


def test_check_and_diff_send_no_request(widgets, service, widget):
    widgets.check(**widget)
    widgets.provider.diff("widget", widget, {**widget, "size": 2})
    assert (service.called, widgets.kind.services.checked) == ([], 0)


# diff


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({}, []),
        ({"size": 2}, []),
        ({"material": "brass"}, ["material"]),
        ({"name": "other", "material": "brass"}, ["material", "name"]),
        ({"size": Unknown()}, []),
        ({"name": Unknown()}, ["name"]),
    ],
    ids=["same", "in place", "replaced", "both", "unknown", "unknown identity"],
)
def test_diff_returns_the_properties_that_replace(widgets, change, replaces, widget):
    """With `changes=None` the engine compares the inputs and shows the changed ones."""
    result = widgets.provider.diff("widget", widget, {**widget, **change})
    assert (result.changes, result.replaces) == (None, replaces)


@pytest.mark.parametrize(
    ("identity", "change", "first"),
    [
        ({"name"}, {"material": "brass"}, True),
        ({"name"}, {"material": "brass", "name": "other"}, False),
        ({"name"}, {"size": 2}, False),
        (set(), {"material": "brass"}, False),
    ],
    ids=["same name", "another name", "no replacement", "names are assigned by the service"],
)
def test_a_replacement_of_the_same_name_is_deleted_first(widgets_with, identity, change, first, widget):
    provider = widgets_with(identity=frozenset(identity)).provider
    assert provider.diff("widget", widget, {**widget, **change}).delete_before_replace is first


def test_a_refused_change_is_reported_in_one_line(widgets_with, failed, widget):
    def refuse(old, new):
        raise Refused("a widget cannot change")

    strict = widgets_with(plan=staticmethod(refuse))
    with pytest.raises(failed, match=r"^a widget cannot change$"):
        strict.in_host(lambda: strict.provider.diff("widget", widget, widget))


# diff, after a run that did not end


@pytest.fixture(params=["did not end", "resumed"])
def made(request, widgets, widget):
    """A widget that a run which did not end may have changed."""
    created = widgets.create(**widget)
    widgets.check(**widget, last_run=request.param)
    return created


@pytest.mark.parametrize(
    ("found", "changes"),
    [
        ({}, None),
        ({"size": 7}, True),
        ({"ready": False}, True),
        ({"uid": "", "owner": ""}, True),
        ({"uid": "of a create that came late"}, True),
        ({"uid": "theirs", "owner": "p/other/widget"}, True),
    ],
    ids=["same", "drifted", "not ready", "lost its reference", "another uid", "taken over"],
)
def test_diff_compares_with_the_object(widgets, service, made, found, changes):
    service.widgets["widget"] = service.widgets["widget"].model_copy(update=found)
    result = widgets.provider.diff(made.id, made.props, {**made.inputs, "__provider": PROVIDER})
    assert (result.changes, result.replaces) == (changes, [])


def test_diff_replaces_what_is_gone(widgets, service, made):
    service.widgets.clear()
    result = widgets.provider.diff(made.id, made.props, made.inputs)
    assert (result.changes, result.replaces, result.delete_before_replace) == (True, ["uid"], False)


def test_diff_says_which_changes_replace_a_drifted_object(widgets, service, made):
    service.widgets["widget"] = service.widgets["widget"].model_copy(update={"material": "brass"})
    result = widgets.provider.diff(made.id, made.props, made.inputs)
    assert (result.changes, result.replaces) == (True, ["material"])


def test_how_the_last_run_ended_is_not_in_state(widgets, widget):
    assert "last_run" not in widgets.check(**widget, last_run="did not end").inputs


# create


def test_create_checks_the_services_once_then_creates_and_reads_once(widgets, service, reference, widget):
    created = widgets.create(**widget)
    assert (widgets.kind.services.checked, service.called) == (1, ["create", "read"])
    assert created.id == "widget"
    assert re.fullmatch("[0-9a-f]{16}", reference(created).uid)
    ours = {"uid": reference(created).uid, "adopted": False}
    assert created.props == {**widget, "material": "steel", "ready": True, **ours}


def test_a_created_resource_that_is_not_ready_is_kept_with_the_reason(widgets, service, failed, widget):
    service.starting = True
    checked = {**widgets.check(**widget).inputs, "__provider": PROVIDER}
    with pytest.raises(failed, match=r"widget widget is starting \(gave up after 10 s\)") as error:
        widgets.in_host(lambda: widgets.provider.create(checked))
    kept = widgets.kept(error.value)
    assert kept.id == "widget"
    assert list(error.value.kept.reasons) == [str(error.value)]
    assert kept.props.pop("uid") == service.widgets["widget"].uid
    assert (kept.props.pop("ready"), kept.props.pop("adopted")) == (True, False)
    assert kept.props == kept.inputs == checked


def test_a_kept_resource_is_brought_up_by_the_next_update(widgets, service, failed, widget):
    service.starting = True
    with pytest.raises(failed) as error:
        widgets.create(**widget)
    service.starting = False
    done = widgets.update(widgets.kept(error.value))
    assert (done.props["ready"], done.props["uid"]) == (True, service.widgets["widget"].uid)


def test_a_refused_create_leaves_nothing_behind(widgets, service, failed, widget):
    service.raises["create"] = [Refused("no material left")]
    with pytest.raises(failed, match=r"^no material left$") as refused:
        widgets.create(**widget)
    assert (refused.value.kept, service.widgets) == (None, {})


def test_create_finds_the_object_after_a_lost_answer(widgets, service, widget, lost):
    service.raises["create"] = [lost]
    assert widgets.create(**widget).id == "widget"
    assert service.called.count("create") == 1


def test_an_unprocessed_create_fails_without_a_lookup(widgets, service, failed, widget, busy):
    service.raises["create"] = [busy]
    with pytest.raises(failed, match=r"^PUT /widget: not now \(HTTP 503\)$"):
        widgets.create(**widget)


def test_create_finds_the_object_after_a_lost_answer_of_a_statement(widgets, service, widget):
    service.raises["create"] = [SqlError("CREATE TABLE widget", 2013, "Lost connection", answer_lost=True)]
    assert widgets.create(**widget).id == "widget"
    assert service.called.count("create") == 1


def test_a_lost_answer_without_an_object_is_an_error(widgets, service, failed, widget, lost):
    service.raises["create"] = [lost, Refused("so that nothing is made")]
    with pytest.raises(failed, match=r"^PUT /widget: no answer$"):
        widgets.create(**widget)
    assert service.called.count("create") == 1


def test_an_unreachable_service_fails_before_anything_is_created(widgets, service, failed, widget):
    def unreachable():
        raise Refused("connection refused")

    widgets.kind.services.check_connectivity = unreachable
    with pytest.raises(failed, match=r"^connection refused$"):
        widgets.create(**widget)
    assert service.called == []
