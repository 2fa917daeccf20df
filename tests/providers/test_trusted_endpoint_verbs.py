"""TrustedEndpoint on the service: the list of the whole cluster, which other stacks write too."""

from __future__ import annotations

import threading

import httpx
import pytest

from providers.kit import Refused
from providers.services.trust import PRIVATE_FLAG, REFERENCES
from providers.trusted_endpoint import TrustedEndpointInputs, TrustedEndpointKind

BASE = "http://search.test"
SETTING = "plugins.ml_commons.trusted_connector_endpoints_regex"
OURS = {"owner": "p/s/endpoint", "pattern": "^https://ours/.*$"}
OTHER = {"owner": "p/s/other", "pattern": "^https://other/.*$"}
FLAT = "/_cluster/settings?flat_settings=true"


@pytest.fixture
def endpoints(drive):
    return drive(TrustedEndpointKind)


@pytest.fixture
def settings(rest):
    """Returns the settings of a scope."""
    return lambda scope="persistent": rest.get(FLAT)[scope]


@pytest.fixture
def effective(rest):
    """Returns the list in effect, from any scope."""

    def entries():
        settings = rest.get(f"{FLAT}&include_defaults=true")
        return next(settings[s][SETTING] for s in ("transient", "persistent", "defaults") if SETTING in settings[s])

    return entries


def test_create_read_update_delete(endpoints, settings, effective):
    defaults = effective()
    created = endpoints.create(**OURS)
    assert created.id == OURS["pattern"]
    assert effective() == [*defaults, OURS["pattern"]]
    assert endpoints.read(created).props == created.props
    assert endpoints.update(created).props == created.props
    endpoints.delete(created)
    assert (endpoints.read(created), settings()) == (None, {})
    endpoints.delete(created)


def test_entries_of_others_are_kept(endpoints, rest, settings):
    rest.put("/_cluster/settings", {"persistent": {SETTING: ["^a$"]}})
    created = endpoints.create(**OURS)
    rest.put("/_cluster/settings", {"persistent": {SETTING: [*settings()[SETTING], "^b$"]}})
    endpoints.delete(created)
    assert settings() == {SETTING: ["^a$", "^b$"]}


def test_a_transient_list_is_updated_as_transient(endpoints, rest, settings, effective):
    rest.put("/_cluster/settings", {"transient": {SETTING: ["^t$"]}, "persistent": {SETTING: ["^p$"]}})
    created = endpoints.create(**OURS)
    assert effective() == ["^t$", OURS["pattern"]]
    assert settings()[SETTING] == ["^p$"]
    endpoints.delete(created)
    assert (settings("transient"), settings()) == ({SETTING: ["^t$"]}, {SETTING: ["^p$"]})


def test_concurrent_creates_do_not_overwrite_each_other(endpoints, search, effective, settings):
    search.faults.add("PUT", "/_cluster/settings", "slow", times=100, seconds=0.01)
    declared = [{**OURS, "owner": f"p/s/{at}", "pattern": f"^https://host-{at}/.*$"} for at in range(8)]
    created = at_once(lambda one: endpoints.create(**one), declared)
    assert {one["pattern"] for one in declared} <= set(effective())
    at_once(endpoints.delete, created)
    assert settings() == {}


def at_once(act, items):
    """Runs `act` for every item, each in its own thread, all at the same time."""
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
def test_a_list_overwritten_by_another_stack_is_written_again(api, connect, overtaken, writes):
    lists = [[], *[[]] * overtaken * 2, [OURS["pattern"]]]
    api.get("/_cluster/settings").mock(side_effect=[shown_list(entries) for entries in lists])
    put = api.put("/_cluster/settings").respond(json={"acknowledged": True})
    kind = TrustedEndpointKind(connect(search_url=BASE))
    assert kind.create(TrustedEndpointInputs(**OURS), "1") == OURS["pattern"]
    assert put.call_count == writes


def test_create_fails_when_the_list_is_overwritten_repeatedly(api, connect):
    api.get("/_cluster/settings").mock(side_effect=lambda _: shown_list([]))
    api.put("/_cluster/settings").respond(json={"acknowledged": True})
    with pytest.raises(Refused, match="others keep writing this list; stop them, or let one stack own it"):
        TrustedEndpointKind(connect(search_url=BASE)).create(TrustedEndpointInputs(**OURS), "1")


def shown_list(entries):
    return httpx.Response(200, json={"persistent": {SETTING: entries}, "transient": {}, "defaults": {}})


def test_delete_leaves_an_object_that_another_create_took_over(endpoints, effective):
    former, latter = endpoints.create(**OURS), endpoints.create(**OURS)
    endpoints.delete(former)
    assert OURS["pattern"] in effective()
    endpoints.delete(latter)
    assert OURS["pattern"] not in effective()


def test_a_pattern_of_two_stacks_is_removed_with_the_last(endpoints, effective, settings):
    one, other = endpoints.create(**OURS), endpoints.create(**{**OURS, "owner": "p/prod/endpoint"})
    endpoints.delete(one)
    assert OURS["pattern"] in effective()
    endpoints.delete(other)
    assert settings() == {}


def test_a_written_pattern_that_could_not_be_read_back_is_found(endpoints, search, effective):
    search.faults.add("GET", "/_cluster/settings", 500, skip=2)
    endpoints.create(**OURS)
    assert (search.faults.waiting(), effective().count(OURS["pattern"])) == ([], 1)


def test_a_lost_answer_changes_nothing(endpoints, search, effective):
    defaults = effective()
    search.faults.add("PUT", "/_cluster/settings", "lost")
    endpoints.create(**OURS)
    assert effective() == [*defaults, OURS["pattern"]]


def test_an_entry_removed_by_hand_is_not_found_and_can_be_created_again(endpoints, rest, effective, settings):
    created = endpoints.create(**OURS)
    rest.put("/_cluster/settings", {"persistent": {SETTING: None}})
    assert endpoints.read(created) is None
    again = endpoints.create(**OURS)
    assert OURS["pattern"] in effective()
    endpoints.delete(again)
    assert settings() == {}


def test_a_renamed_resource_keeps_its_entry(endpoints, settings):
    created = endpoints.create(**OURS)
    renamed = endpoints.update(created, owner="p/s/renamed")
    assert len([key for key in settings() if key.startswith(REFERENCES)]) == 1
    endpoints.delete(renamed)
    assert settings() == {}


def test_private_addresses_are_allowed_shown_repaired_and_restored(endpoints, rest, settings):
    rest.put("/_cluster/settings", {"persistent": {PRIVATE_FLAG: None}})
    created = endpoints.create(**OURS, private=True)
    assert settings()[PRIVATE_FLAG] == "true"
    rest.put("/_cluster/settings", {"persistent": {PRIVATE_FLAG: False}})
    shown = endpoints.read(created)
    assert shown.inputs["private"] is False
    repaired = endpoints.update(shown, private=True)
    assert (settings()[PRIVATE_FLAG], repaired.props["private"]) == ("true", True)
    public = endpoints.update(repaired, private=False)
    assert PRIVATE_FLAG not in settings()
    endpoints.delete(public)
    assert settings() == {}


@pytest.mark.parametrize("version", ["2.14.0"])
def test_private_addresses_need_2_15(endpoints, failed, settings):
    with pytest.raises(failed, match=r"private needs OpenSearch 2\.15 or later; give the service a public address"):
        endpoints.create(**OURS, private=True)
    assert settings() == {}
