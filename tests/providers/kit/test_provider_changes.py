"""Pulumi's dynamic-provider protocol: reading, changing and dropping what exists, and errors on the way."""

from __future__ import annotations

import pytest

from providers.kit import NotFound, Refused, ResourceFailed, SqlError

PROVIDER = "the pickle"


# read


def test_read_shows_drift_in_the_inputs_too_and_keeps_secrets_as_declared(jugs, shelf, jug):
    made = jugs.create(**jug)
    shelf.jugs["jug"] = shelf.jugs["jug"].model_copy(update={"size": 7})
    shown = jugs.read(made)
    assert (shown.inputs["size"], shown.props["size"]) == (7, 7)
    assert shown.inputs["credential"] == {"key": "sk-secret"}
    assert "uid" not in shown.inputs


def test_gone_is_an_empty_answer(jugs, shelf, jug):
    made = jugs.create(**jug)
    shelf.jugs.clear()
    result = jugs.provider.read(made.id, made.props)
    assert (result.id, result.outs) == ("", {})


def test_any_other_error_is_not_taken_for_gone(jugs, shelf, ended, jug, busy):
    made = jugs.create(**jug)
    shelf.raises["read"] = [busy]
    with pytest.raises(ended, match="not now") as error:
        jugs.read(made)
    assert error.value.kept is None


def test_read_of_what_is_not_ready_says_so_again(jugs, shelf, ended, jug):
    """The engine forgets why a resource was not ready when a refresh succeeds, and nothing would bring it up."""
    made = jugs.create(**jug)
    shelf.jugs["jug"] = shelf.jugs["jug"].model_copy(update={"dry": False})
    made.props["__provider"] = PROVIDER
    with pytest.raises(ended, match=r"^jug jug is wet$") as wet:
        jugs.read(made)
    kept = jugs.kept(wet.value)
    assert (kept.id, kept.props["dry"], kept.props["__provider"]) == ("jug", False, PROVIDER)
    assert kept.inputs == {**made.inputs, "__provider": PROVIDER}


def test_read_of_what_will_never_be_ready_says_so(jugs_that, ended, jug):
    def not_ready_reason(state):
        raise ResourceFailed("the jug broke")

    broken = jugs_that(not_ready_reason=staticmethod(not_ready_reason))
    with pytest.raises(ended, match=r"^the jug broke$") as create:
        broken.create(**jug)
    kept = broken.kept(create.value)
    with pytest.raises(ended, match=r"^the jug broke$") as read:
        broken.read(kept)
    assert read.value.kept is not None


def test_a_refresh_keeps_the_uid_in_state(jugs, shelf, reference, jug):
    """Or a refresh would hand over to us what another create took over, and destroy would delete it."""
    made = jugs.create(**jug)
    taken = jugs.create(**jug)
    assert reference(jugs.read(made)) == reference(made) != reference(taken)


# update


def test_an_update_keeps_the_uid(jugs, shelf, reference, jug):
    made = jugs.create(**jug)
    changed = jugs.update(made, size=2)
    assert (reference(changed), changed.props["size"]) == (reference(made), 2)
    assert jugs.kind.services.checked == 2


def test_an_update_gives_an_object_without_a_uid_one(jugs, shelf, reference, jug):
    made = jugs.create(**jug)
    del made.props["uid"]
    shelf.jugs["jug"] = jugs.kind.state_type(**jug)
    assert reference(jugs.update(made)).uid


def test_an_update_that_is_not_ready_in_time_is_kept_with_the_reason(jugs, shelf, ended, jug):
    made = jugs.create(**jug)
    shelf.wet = True
    with pytest.raises(ended, match="is wet") as late:
        jugs.update(made, size=2)
    assert jugs.kept(late.value).props["size"] == 2


def test_an_update_that_was_refused_keeps_the_old_state(jugs, shelf, ended, jug):
    made = jugs.create(**jug)
    shelf.raises["update"] = [Refused("it is glued")]
    with pytest.raises(ended, match=r"^it is glued$") as refused:
        jugs.update(made, size=2)
    assert refused.value.kept is None


def test_an_update_that_the_service_breaks_off_is_made_again_even_if_it_is_taken_back(jugs, shelf, ended, lost, jug):
    made = jugs.create(**jug)
    shelf.raises["update"] = [lost]
    with pytest.raises(ended, match="PUT /jug: no answer") as stop:
        jugs.update(made, size=2)
    kept = jugs.kept(stop.value)
    assert (kept.id, kept.props, list(stop.value.kept.reasons)) == (made.id, made.props, ["PUT /jug: no answer"])


def test_an_update_of_what_is_gone_says_what_to_do(jugs, shelf, ended, jug):
    made = jugs.create(**jug)
    shelf.jugs.clear()
    with pytest.raises(ended, match=r"^GET /jug: no such jug \(HTTP 404\); it is gone: run `pulumi up --refresh` to"):
        jugs.update(made, size=2)


def test_what_another_create_took_over_is_not_changed(jugs, shelf, ended, jug):
    made = jugs.create(**jug)
    jugs.create(**jug)
    with pytest.raises(ended, match=r"^jug was taken over by p/s/jug; run `pulumi refresh` and look$"):
        jugs.update(made, size=2)
    assert shelf.jugs["jug"].size == 1


def test_what_lost_its_mark_is_still_ours_to_change(jugs, shelf, reference, jug):
    made = jugs.create(**jug)
    shelf.jugs["jug"] = shelf.jugs["jug"].model_copy(update={"owner": "", "uid": ""})
    assert reference(jugs.update(made)) == reference(made)


# delete


def test_only_the_uid_in_state_is_deleted(jugs, shelf, jug):
    former, latter = jugs.create(**jug), jugs.create(**jug)
    jugs.delete(former)
    assert "delete" not in shelf.called
    jugs.delete(latter)
    assert shelf.jugs == {}


def test_an_object_without_a_uid_is_not_deleted(jugs, shelf, jug):
    made = jugs.create(**jug)
    shelf.jugs["jug"] = shelf.jugs["jug"].model_copy(update={"uid": ""})
    made.props["uid"] = ""
    jugs.delete(made)
    assert "jug" in shelf.jugs


@pytest.mark.parametrize("when", ["read", "delete"])
def test_already_gone_is_deleted(jugs, shelf, when, jug):
    made = jugs.create(**jug)
    shelf.raises[when] = [NotFound("GET /jug", 404, "no such jug")]
    jugs.delete(made)


def test_a_refused_delete_is_an_error(jugs, shelf, ended, jug):
    made = jugs.create(**jug)
    shelf.raises["delete"] = [Refused("there is water in it")]
    with pytest.raises(ended, match=r"^there is water in it$"):
        jugs.delete(made)


# errors


VERBS = {
    "create": lambda jugs, made: jugs.create(**{**made.inputs, "name": "other"}),
    "update": lambda jugs, made: jugs.update(made),
    "delete": lambda jugs, made: jugs.delete(made),
}


@pytest.mark.parametrize("verb", VERBS)
def test_no_message_has_a_secret_in_it(jugs, shelf, ended, verb, jug):
    made = jugs.create(**jug)
    shelf.raises[verb] = [Refused("key sk-secret and password-of-search are wrong")]
    with pytest.raises(ended, match=r"^key \[secret\] and \[secret\] are wrong$"):
        VERBS[verb](jugs, made)


def test_no_reason_for_keeping_it_has_a_secret_in_it(jugs, shelf, ended, jug):
    shelf.raises["read"] = [ResourceFailed("key sk-secret is wrong")]
    with pytest.raises(ended) as failed:
        jugs.create(**jug)
    assert list(failed.value.kept.reasons) == [str(failed.value)] == ["key [secret] is wrong"]


def test_an_old_secret_is_hidden_too(jugs, shelf, ended, jug):
    made = jugs.create(**jug)
    shelf.raises["update"] = [Refused("not sk-secret, nor sk-other")]
    with pytest.raises(ended, match=r"^not \[secret\], nor \[secret\]$"):
        jugs.update(made, credential={"key": "sk-other"})


@pytest.mark.parametrize("verb", VERBS)
def test_a_mistake_of_ours_is_one_line_that_says_where(jugs, shelf, ended, verb, jug):
    made = jugs.create(**jug)
    shelf.raises[verb] = [KeyError("sk-secret")]
    where = r"\(met, conftest\.py:\d+\); set POLARSEARCH_DEBUG=1 to see more"
    with pytest.raises(ended, match=rf"^a mistake of ours: KeyError: '\[secret\]' {where}$"):
        VERBS[verb](jugs, made)


def test_its_traceback_is_there_for_who_asks(jugs, shelf, ended, monkeypatch, capsys, jug):
    monkeypatch.setenv("POLARSEARCH_DEBUG", "1")
    shelf.raises["create"] = [KeyError("x")]
    with pytest.raises(ended, match="a mistake of ours"):
        jugs.create(**jug)
    assert "Traceback" in capsys.readouterr().err


def test_a_delete_whose_answer_was_lost_is_looked_at_and_made_again(jugs, shelf, jug):
    made = jugs.create(**jug)
    shelf.raises["delete"] = [SqlError("DROP TABLE jug", 2013, "Lost connection", answer_lost=True)]
    jugs.delete(made)
    assert (shelf.jugs, shelf.called.count("delete")) == ({}, 2)
