"""TrustedEndpoint, against the service: one list for the whole cluster, which others write too."""

from __future__ import annotations

import threading

import httpx
import pytest

from providers.kit import Refused
from providers.trusted_endpoint import REFERENCES, TrustedEndpointInputs, TrustedEndpointKind

BASE = "http://search.test"
SETTING = "plugins.ml_commons.trusted_connector_endpoints_regex"
OURS = {"owner": "p/s/endpoint", "pattern": "^https://ours/.*$"}
OTHER = {"owner": "p/s/other", "pattern": "^https://other/.*$"}
FLAT = "/_cluster/settings?flat_settings=true"


@pytest.fixture
def endpoints(drive):
    return drive(TrustedEndpointKind)


@pytest.fixture
def settings(ask):
    """What was set in a scope."""
    return lambda scope="persistent": ask.get(FLAT)[scope]


@pytest.fixture
def effective(ask):
    """The list in effect, wherever it is set."""

    def entries():
        settings = ask.get(f"{FLAT}&include_defaults=true")
        return next(settings[s][SETTING] for s in ("transient", "persistent", "defaults") if SETTING in settings[s])

    return entries


def test_a_life(endpoints, settings, effective):
    defaults = effective()
    made = endpoints.create(**OURS)
    assert made.id == OURS["pattern"]
    assert effective() == [*defaults, OURS["pattern"]]
    assert endpoints.read(made).props == made.props
    assert endpoints.update(made).props == made.props
    endpoints.delete(made)
    assert (endpoints.read(made), settings()) == (None, {})
    endpoints.delete(made)


def test_others_entries_stay(endpoints, ask, settings):
    ask.put("/_cluster/settings", {"persistent": {SETTING: ["^a$"]}})
    made = endpoints.create(**OURS)
    ask.put("/_cluster/settings", {"persistent": {SETTING: [*settings()[SETTING], "^b$"]}})
    endpoints.delete(made)
    assert settings() == {SETTING: ["^a$", "^b$"]}


def test_a_transient_list_is_the_one_that_is_written(endpoints, ask, settings, effective):
    ask.put("/_cluster/settings", {"transient": {SETTING: ["^t$"]}, "persistent": {SETTING: ["^p$"]}})
    made = endpoints.create(**OURS)
    assert effective() == ["^t$", OURS["pattern"]]
    assert settings()[SETTING] == ["^p$"]
    endpoints.delete(made)
    assert (settings("transient"), settings()) == ({SETTING: ["^t$"]}, {SETTING: ["^p$"]})


def test_many_at_once_do_not_overwrite_each_other(endpoints, search, effective, settings):
    search.faults.add("PUT", "/_cluster/settings", "slow", times=100, seconds=0.01)
    declared = [{**OURS, "owner": f"p/s/{at}", "pattern": f"^https://host-{at}/.*$"} for at in range(8)]
    made = at_once(lambda one: endpoints.create(**one), declared)
    assert {one["pattern"] for one in declared} <= set(effective())
    at_once(endpoints.delete, made)
    assert settings() == {}


def at_once(act, items):
    """Do it for every item, each in a thread, all at the same time."""
    gate, done, errors = threading.Barrier(len(items)), [], []

    def run(item):
        gate.wait(10)
        try:
            done.append(act(item))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(item,)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert errors == []
    return done


@pytest.mark.parametrize(("overtaken", "writes"), [(0, 1), (2, 3)])
def test_a_list_another_stack_overwrote_is_written_again(api, connect, overtaken, writes):
    lists = [[], *[[]] * overtaken * 2, [OURS["pattern"]]]
    api.get("/_cluster/settings").mock(side_effect=[shown_list(entries) for entries in lists])
    put = api.put("/_cluster/settings").respond(json={"acknowledged": True})
    kind = TrustedEndpointKind(connect(search_url=BASE))
    assert kind.create(TrustedEndpointInputs(**OURS), "1") == OURS["pattern"]
    assert put.call_count == writes


def test_gives_up_when_others_keep_overwriting_the_list(api, connect):
    api.get("/_cluster/settings").mock(side_effect=lambda _: shown_list([]))
    api.put("/_cluster/settings").respond(json={"acknowledged": True})
    with pytest.raises(Refused, match="others keep writing this list; stop them, or let one stack own it"):
        TrustedEndpointKind(connect(search_url=BASE)).create(TrustedEndpointInputs(**OURS), "1")


def shown_list(entries):
    return httpx.Response(200, json={"persistent": {SETTING: entries}, "transient": {}, "defaults": {}})


def test_what_is_taken_over_is_no_longer_the_former_ones_to_delete(endpoints, effective):
    former, latter = endpoints.create(**OURS), endpoints.create(**OURS)
    endpoints.delete(former)
    assert OURS["pattern"] in effective()
    endpoints.delete(latter)
    assert OURS["pattern"] not in effective()


def test_a_pattern_two_stacks_declare_goes_with_the_last(endpoints, effective, settings):
    one, other = endpoints.create(**OURS), endpoints.create(**{**OURS, "owner": "p/prod/endpoint"})
    endpoints.delete(one)
    assert OURS["pattern"] in effective()
    endpoints.delete(other)
    assert settings() == {}


def test_what_was_written_and_could_not_be_looked_at_is_looked_for(endpoints, search, effective):
    search.faults.add("GET", "/_cluster/settings", 500, skip=2)
    endpoints.create(**OURS)
    assert (search.faults.waiting(), effective().count(OURS["pattern"])) == ([], 1)


def test_a_lost_answer_does_no_harm(endpoints, search, effective):
    defaults = effective()
    search.faults.add("PUT", "/_cluster/settings", "lost")
    endpoints.create(**OURS)
    assert effective() == [*defaults, OURS["pattern"]]


def test_an_entry_somebody_took_out_is_gone_and_can_be_made_again(endpoints, ask, effective, settings):
    made = endpoints.create(**OURS)
    ask.put("/_cluster/settings", {"persistent": {SETTING: None}})
    assert endpoints.read(made) is None
    again = endpoints.create(**OURS)
    assert OURS["pattern"] in effective()
    endpoints.delete(again)
    assert settings() == {}


def test_a_renamed_resource_takes_its_mark_along(endpoints, settings):
    made = endpoints.create(**OURS)
    renamed = endpoints.update(made, owner="p/s/renamed")
    assert len([key for key in settings() if key.startswith(REFERENCES)]) == 1
    endpoints.delete(renamed)
    assert settings() == {}
