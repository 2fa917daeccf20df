"""Pulumi's dynamic-provider protocol: read, update and delete, and their errors."""

from __future__ import annotations

import pytest

from providers.kit import NotFound, Refused, ResourceFailed, SqlError

PROVIDER = "the pickle"


# read


def test_read_returns_drifted_inputs_and_declared_secrets(widgets, service, widget):
    created = widgets.create(**widget)
    service.widgets["widget"] = service.widgets["widget"].model_copy(update={"size": 7})
    shown = widgets.read(created)
    assert (shown.inputs["size"], shown.props["size"]) == (7, 7)
    assert shown.inputs["credential"] == {"key": "sk-secret"}
    assert "uid" not in shown.inputs


def test_read_of_a_deleted_resource_returns_an_empty_id(widgets, service, widget):
    created = widgets.create(**widget)
    service.widgets.clear()
    result = widgets.provider.read(created.id, created.props)
    assert (result.id, result.outs) == ("", {})


def test_read_reports_any_other_error(widgets, service, failed, widget, busy):
    created = widgets.create(**widget)
    service.raises["read"] = [busy]
    with pytest.raises(failed, match="not now") as error:
        widgets.read(created)
    assert error.value.kept is None


def test_read_repeats_why_a_resource_is_not_ready(widgets, service, failed, widget):
    """A successful refresh clears the resource's init errors, and then no update would bring it up."""
    created = widgets.create(**widget)
    service.widgets["widget"] = service.widgets["widget"].model_copy(update={"ready": False})
    created.props["__provider"] = PROVIDER
    with pytest.raises(failed, match=r"^widget widget is starting$") as error:
        widgets.read(created)
    kept = widgets.kept(error.value)
    assert (kept.id, kept.props["ready"], kept.props["__provider"]) == ("widget", False, PROVIDER)
    assert kept.inputs == {**created.inputs, "__provider": PROVIDER}


def test_read_repeats_why_a_resource_failed(widgets_with, failed, widget):
    def not_ready_reason(state):
        raise ResourceFailed("the widget failed")

    failing = widgets_with(not_ready_reason=staticmethod(not_ready_reason))
    with pytest.raises(failed, match=r"^the widget failed$") as create:
        failing.create(**widget)
    kept = failing.kept(create.value)
    with pytest.raises(failed, match=r"^the widget failed$") as read:
        failing.read(kept)
    assert read.value.kept is not None


def test_refresh_keeps_the_uid_in_state(widgets, service, reference, widget):
    """With the uid of another create, a destroy would delete the object that the other create took over."""
    created = widgets.create(**widget)
    taken = widgets.create(**widget)
    assert reference(widgets.read(created)) == reference(created) != reference(taken)


# update


def test_update_keeps_the_uid(widgets, service, reference, widget):
    created = widgets.create(**widget)
    changed = widgets.update(created, size=2)
    assert (reference(changed), changed.props["size"]) == (reference(created), 2)
    assert widgets.kind.services.checked == 2


def test_update_gives_a_uid_to_an_object_without_one(widgets, service, reference, widget):
    created = widgets.create(**widget)
    del created.props["uid"]
    service.widgets["widget"] = widgets.kind.state_type(**widget)
    assert reference(widgets.update(created)).uid


def test_an_updated_resource_that_is_not_ready_is_kept_with_the_reason(widgets, service, failed, widget):
    created = widgets.create(**widget)
    service.starting = True
    with pytest.raises(failed, match="is starting") as error:
        widgets.update(created, size=2)
    assert widgets.kept(error.value).props["size"] == 2


def test_a_refused_update_keeps_the_old_state(widgets, service, failed, widget):
    created = widgets.create(**widget)
    service.raises["update"] = [Refused("it is locked")]
    with pytest.raises(failed, match=r"^it is locked$") as refused:
        widgets.update(created, size=2)
    assert refused.value.kept is None


def test_an_update_that_the_service_breaks_off_is_kept_and_repeated_even_if_it_is_taken_back(
    widgets, service, failed, lost, widget
):
    created = widgets.create(**widget)
    service.raises["update"] = [lost]
    with pytest.raises(failed, match="PUT /widget: no answer") as error:
        widgets.update(created, size=2)
    kept = widgets.kept(error.value)
    reasons = list(error.value.kept.reasons)
    assert (kept.id, kept.props, reasons) == (created.id, created.props, ["PUT /widget: no answer"])


def test_update_of_a_deleted_object_advises_a_refresh(widgets, service, failed, widget):
    created = widgets.create(**widget)
    service.widgets.clear()
    with pytest.raises(
        failed, match=r"^GET /widget: no such widget \(HTTP 404\); it is gone: run `pulumi up --refresh` to"
    ):
        widgets.update(created, size=2)


def test_update_refuses_an_object_that_another_owner_took_over(widgets, service, failed, widget):
    created = widgets.create(**widget)
    theirs = {"owner": "p/prod/widget", "uid": "00ff"}
    service.widgets["widget"] = service.widgets["widget"].model_copy(update=theirs)
    with pytest.raises(failed, match=r"^widget was taken over by p/prod/widget; run `pulumi refresh` and look$"):
        widgets.update(created, size=2)
    assert service.widgets["widget"].size == 1


def test_update_takes_back_what_a_late_request_of_a_killed_run_took_over(widgets, service, reference, widget):
    created = widgets.create(**widget)
    service.widgets["widget"] = service.widgets["widget"].model_copy(update={"uid": "00ff"})
    assert reference(widgets.update(created, size=2)) == reference(created)
    assert (service.widgets["widget"].size, service.widgets["widget"].uid) == (2, created.props["uid"])


def test_update_restores_a_missing_owner_reference(widgets, service, reference, widget):
    created = widgets.create(**widget)
    service.widgets["widget"] = service.widgets["widget"].model_copy(update={"owner": "", "uid": ""})
    assert reference(widgets.update(created)) == reference(created)


# delete


def test_delete_deletes_only_the_object_with_the_uid_in_state(widgets, service, widget):
    former, latter = widgets.create(**widget), widgets.create(**widget)
    widgets.delete(former)
    assert "delete" not in service.called
    widgets.delete(latter)
    assert service.widgets == {}


@pytest.mark.parametrize("declares", [True, False])
def test_delete_deletes_what_a_late_request_of_a_killed_run_gave_another_uid(widgets, service, declares, widget):
    """Where no program runs, it is the garbage collector's."""
    created = widgets.create(**widget)
    service.widgets["widget"] = service.widgets["widget"].model_copy(update={"uid": "00ff"})
    widgets.kind.services.declares = declares
    widgets.delete(created)
    assert ("widget" in service.widgets) == (not declares)


def test_delete_leaves_an_object_that_a_resource_of_another_run_took_over(widgets, service, widget):
    former, latter = widgets.create(**widget), widgets.create(**widget)
    widgets.kind.services.declared_uids.clear()
    widgets.provider.diff(latter.id, latter.props, widget)
    widgets.delete(former)
    assert "widget" in service.widgets


def test_delete_leaves_an_object_without_a_uid(widgets, service, widget):
    created = widgets.create(**widget)
    service.widgets["widget"] = service.widgets["widget"].model_copy(update={"uid": ""})
    created.props["uid"] = ""
    widgets.delete(created)
    assert "widget" in service.widgets


@pytest.mark.parametrize("when", ["read", "delete"])
def test_delete_of_a_deleted_object_succeeds(widgets, service, when, widget):
    created = widgets.create(**widget)
    service.raises[when] = [NotFound("GET /widget", 404, "no such widget")]
    widgets.delete(created)


def test_a_refused_delete_is_an_error(widgets, service, failed, widget):
    created = widgets.create(**widget)
    service.raises["delete"] = [Refused("it is in use")]
    with pytest.raises(failed, match=r"^it is in use$"):
        widgets.delete(created)


# errors


VERBS = {
    "create": lambda widgets, created: widgets.create(**{**created.inputs, "name": "other"}),
    "update": lambda widgets, created: widgets.update(created),
    "delete": lambda widgets, created: widgets.delete(created),
}


@pytest.mark.parametrize("verb", VERBS)
def test_error_messages_hide_secrets(widgets, service, failed, verb, widget):
    created = widgets.create(**widget)
    service.raises[verb] = [Refused("key sk-secret and password-of-search are wrong")]
    with pytest.raises(failed, match=r"^key \[secret\] and \[secret\] are wrong$"):
        VERBS[verb](widgets, created)


def test_reasons_of_a_kept_resource_hide_secrets(widgets, service, failed, widget):
    service.raises["read"] = [ResourceFailed("key sk-secret is wrong")]
    with pytest.raises(failed) as error:
        widgets.create(**widget)
    assert list(error.value.kept.reasons) == [str(error.value)] == ["key [secret] is wrong"]


def test_error_messages_hide_the_previous_secret(widgets, service, failed, widget):
    created = widgets.create(**widget)
    service.raises["update"] = [Refused("not sk-secret, nor sk-other")]
    with pytest.raises(failed, match=r"^not \[secret\], nor \[secret\]$"):
        widgets.update(created, credential={"key": "sk-other"})


@pytest.mark.parametrize("verb", VERBS)
def test_an_internal_error_is_one_line_with_its_place(widgets, service, failed, verb, widget):
    created = widgets.create(**widget)
    service.raises[verb] = [KeyError("sk-secret")]
    where = r"\(respond, conftest\.py:\d+\); set POLARSEARCH_DEBUG=1 to see more"
    with pytest.raises(failed, match=rf"^a mistake of ours: KeyError: '\[secret\]' {where}$"):
        VERBS[verb](widgets, created)


def test_debug_mode_prints_the_traceback(widgets, service, failed, monkeypatch, capsys, widget):
    monkeypatch.setenv("POLARSEARCH_DEBUG", "1")
    service.raises["create"] = [KeyError("x")]
    with pytest.raises(failed, match="a mistake of ours"):
        widgets.create(**widget)
    assert "Traceback" in capsys.readouterr().err


LOST = SqlError("DROP TABLE widget", 2013, "Lost connection", answer_lost=True)
FASTER = SqlError("DROP TABLE widget", 1051, "Unknown table 'widget'")


@pytest.mark.parametrize("error", [LOST, FASTER], ids=["the answer was lost", "somebody else was faster"])
def test_a_delete_that_the_database_breaks_off_is_repeated_after_a_look(widgets, service, error, widget):
    created = widgets.create(**widget)
    service.raises["delete"] = [error]
    widgets.delete(created)
    assert (service.widgets, service.called.count("delete")) == ({}, 2)


def test_a_delete_that_the_database_refuses_again_is_an_error(widgets, service, failed, widget):
    created = widgets.create(**widget)
    service.raises["delete"] = [FASTER, FASTER]
    with pytest.raises(failed, match="Unknown table"):
        widgets.delete(created)
    assert "widget" in service.widgets
