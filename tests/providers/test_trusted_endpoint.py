"""TrustedEndpoint: adds an entry to the cluster's list, keeps the defaults, and restores the list on delete."""

from __future__ import annotations

import json
import re

import pytest

from providers.kit import OwnerReference
from providers.services.trust import (
    PRIVATE_FLAG,
    PRIVATE_SETTING,
    SETTING,
    Trust,
    fingerprint,
    python_pattern,
    setting_key,
)
from providers.trusted_endpoint import validated_pattern

DEFAULTS = ["^https://a/.*$", "^https://b/.*$"]
OURS, OTHER = "^https://ours/.*$", "^https://other/.*$"
MARK = OwnerReference("p/s/endpoint", "1")


def settings(persistent=None, transient=None, defaults=DEFAULTS, references=(), later=False, **others):
    """Returns an answer of `GET /_cluster/settings`: a list that is set hides the defaults (lifecycle.jsonl)."""
    stored = {key: json.dumps(reference) for key, reference in references}
    scopes = {"persistent": {**stored, **others}, "transient": {}, "defaults": {}}
    if persistent is not None:
        scopes["persistent"][SETTING] = persistent
    if transient is not None:
        scopes["transient"][SETTING] = transient
    if persistent is None and transient is None:
        scopes["defaults"][SETTING] = defaults
    if later and PRIVATE_SETTING not in others:
        scopes["defaults"][PRIVATE_SETTING] = []
    return Trust.of(scopes)


def written(trust, changes):
    """Returns the settings after `changes`, as the service shows them."""
    persistent = {"persistent": {}, **changes}["persistent"]
    before = {key: json.dumps(reference) for key, reference in trust.urls.references.items()}
    before |= {} if trust.urls.is_default else {SETTING: list(trust.urls.effective)}
    before |= {} if trust.private.was == "unset" else {PRIVATE_FLAG: trust.private.was}
    if trust.private_urls is not None and not trust.private_urls.is_default:
        before[PRIVATE_SETTING] = list(trust.private_urls.effective)
    kept = {key: value for key, value in {**before, **persistent}.items() if value is not None}
    defaults = {SETTING: DEFAULTS} | ({} if trust.private_urls is None else {PRIVATE_SETTING: []})
    return Trust.of({"persistent": kept, "defaults": {key: defaults[key] for key in defaults.keys() - kept.keys()}})


def added(trust, pattern=OURS, reference=MARK):
    return written(trust, trust.with_ours(pattern, reference))


def removed(trust, pattern=OURS, owner=MARK.owner):
    return written(trust, trust.without_ours(pattern, owner))


def test_adding_an_entry_keeps_the_defaults():
    assert added(settings()).urls.effective == (*DEFAULTS, OURS)


def test_removing_the_entry_resets_the_setting_to_its_defaults():
    assert removed(added(settings())).urls.is_default


@pytest.mark.parametrize("order", [(OURS, OTHER), (OTHER, OURS)], ids=["first in, first out", "last in, first out"])
def test_removing_two_entries_in_any_order_resets_the_defaults(order):
    trust = added(added(settings()), OTHER, OwnerReference("p/s/other", "2"))
    owners = {OURS: MARK.owner, OTHER: "p/s/other"}
    for pattern in order:
        trust = removed(trust, pattern, owners[pattern])
    assert trust.urls.is_default


def test_a_list_set_by_somebody_else_is_restored():
    trust = removed(added(settings(persistent=[OTHER])))
    assert (trust.urls.effective, trust.urls.is_default) == ((OTHER,), False)


def test_an_entry_added_meanwhile_is_kept():
    trust = added(settings())
    meanwhile = settings(persistent=[*trust.urls.effective, OTHER], references=trust.urls.references.items())
    assert removed(meanwhile).urls.effective == (*DEFAULTS, OTHER)


def test_a_pattern_trusted_before_is_kept():
    trust = added(settings(persistent=[OURS]))
    assert trust.urls.effective == (OURS,)
    assert removed(trust).urls.effective == (OURS,)
    assert removed(added(settings(defaults=[OURS], persistent=[OURS]))).urls.effective == (OURS,)


def test_a_pattern_of_two_stacks_is_removed_with_the_last():
    trust = added(added(settings()), OURS, OwnerReference("p/other/endpoint", "2"))
    trust = removed(trust)
    assert OURS in trust.urls.effective
    assert removed(trust, OURS, "p/other/endpoint").urls.is_default


def test_a_transient_list_is_in_effect():
    changes = settings(persistent=[OTHER], transient=["t"]).with_ours(OURS, MARK)
    assert changes["transient"] == {SETTING: ["t", OURS]}
    assert SETTING not in changes["persistent"]


def test_the_owner_reference_is_written_with_the_list_in_one_request():
    changes = settings().with_ours(OURS, MARK)["persistent"]
    assert set(changes) == {SETTING, setting_key(OURS, MARK.owner)}
    assert json.loads(changes[setting_key(OURS, MARK.owner)])["base"] == f"defaults:{fingerprint(DEFAULTS)}"


@pytest.mark.parametrize("pattern", [".*", "^.*$", "^https?://.*", "[^ ]+", "https?://[^/]*(:\\d+)?(/.*)?"])
def test_a_pattern_that_trusts_everything_is_refused(pattern):
    with pytest.raises(ValueError, match="trusts every URL"):
        validated_pattern(pattern)


@pytest.mark.parametrize("pattern", ["[", "(", "a{2,1}", "*"])
def test_an_invalid_regular_expression_is_refused(pattern):
    with pytest.raises(ValueError, match="is not a regular expression"):
        validated_pattern(pattern)


def test_a_pattern_of_more_than_256_characters_is_refused():
    with pytest.raises(ValueError, match="has 300 characters; write at most 256"):
        validated_pattern("a" * 300)


@pytest.mark.parametrize(
    ("java", "url"),
    [
        ("^https://dashscope.aliyuncs.com/compatible-mode.*$", "https://dashscope.aliyuncs.com/compatible-mode/v1/x"),
        (r"\Qhttps://a.b/?x\E.*", "https://a.b/?x=1"),
        (r"https://\p{Alnum}+\.test/.*", "https://abc.test/x"),
    ],
)
def test_java_regular_expressions_are_accepted(java, url):
    assert validated_pattern(java) == java
    assert re.fullmatch(python_pattern(java), url)


FLAG_WAS = [
    ({}, {"persistent": {PRIVATE_FLAG: True}}, "unset"),
    ({PRIVATE_FLAG: "false"}, {"persistent": {PRIVATE_FLAG: True}}, "false"),
    ({PRIVATE_FLAG: "true"}, {}, "true"),
]


@pytest.mark.parametrize(("before", "change", "after"), FLAG_WAS, ids=["unset", "off", "on"])
def test_private_addresses_are_allowed_and_what_was_there_is_restored(before, change, after):
    trust = settings(**before)
    changes = trust.with_ours(OURS, MARK, private=True)
    assert {k: v for k, v in changes["persistent"].items() if k == PRIVATE_FLAG} == change.get("persistent", {})
    allowed = written(trust, changes)
    assert allowed.trusts(OURS, private=True)
    assert allowed.is_private(OURS, MARK.owner)
    restored = removed(allowed)
    assert (restored.private.was, restored.urls.references) == (after, {})


def test_private_addresses_stay_allowed_until_the_last_stack_is_gone():
    other = OwnerReference("p/other/endpoint", "2")
    trust = settings()
    trust = written(trust, trust.with_ours(OURS, MARK, private=True))
    trust = removed(written(trust, trust.with_ours(OTHER, other, private=True)))
    assert trust.private.allowed
    assert removed(trust, OTHER, other.owner).private.was == "unset"


def test_an_entry_that_is_no_longer_private_restores_what_was_there():
    trust = settings()
    trust = written(trust, trust.with_ours(OURS, MARK, private=True))
    trust = added(trust)
    assert (trust.private.was, trust.trusts(OURS, private=False)) == ("unset", True)
    assert not trust.is_private(OURS, MARK.owner)


def test_what_somebody_switched_off_is_shown_and_stays_off():
    trust = settings()
    trust = written(trust, trust.with_ours(OURS, MARK, private=True))
    off = written(trust, {"persistent": {PRIVATE_FLAG: "false"}})
    assert not off.is_private(OURS, MARK.owner)
    assert removed(off).private.was == "false"


def test_opensearch_3_7_has_a_list_of_private_urls():
    trust = settings(later=True)
    trust = written(trust, trust.with_ours(OURS, MARK, private=True))
    assert trust.private_urls.effective == (OURS,)
    assert trust.trusts(OURS, private=True)
    gone = written(trust, {"persistent": {PRIVATE_SETTING: None}})
    assert not gone.trusts(OURS, private=True)
    restored = written(trust, trust.without_ours(OURS, MARK.owner))
    assert (restored.private_urls.is_default, restored.private.was) == (True, "unset")
    theirs = settings(later=True, **{PRIVATE_SETTING: [OTHER]})
    theirs = written(theirs, theirs.with_ours(OURS, MARK, private=True))
    assert written(theirs, theirs.without_ours(OURS, MARK.owner)).private_urls.effective == (OTHER,)


def test_private_addresses_that_a_nodes_file_allows_are_left_as_they_are():
    scopes = {"persistent": {}, "transient": {}, "defaults": {SETTING: DEFAULTS, PRIVATE_FLAG: "true"}}
    changes = Trust.of(scopes).with_ours(OURS, MARK, private=True)
    assert PRIVATE_FLAG not in changes["persistent"]
    kept = {**scopes, "persistent": changes["persistent"], "defaults": {PRIVATE_FLAG: "true"}}
    assert Trust.of(kept).is_private(OURS, MARK.owner)
    assert PRIVATE_FLAG not in Trust.of(kept).without_ours(OURS, MARK.owner)["persistent"]
