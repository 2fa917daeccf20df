"""TrustedEndpoint: adds an entry to the cluster's list, keeps the defaults, and restores the list on delete."""

from __future__ import annotations

import json
import re

import pytest

from providers.kit import OwnerReference
from providers.trusted_endpoint import SETTING, TrustList, fingerprint, python_pattern, setting_key, validated_pattern

DEFAULTS = ["^https://a/.*$", "^https://b/.*$"]
OURS, OTHER = "^https://ours/.*$", "^https://other/.*$"
MARK = OwnerReference("p/s/endpoint", "1")


def settings(persistent=None, transient=None, defaults=DEFAULTS, references=()):
    """Returns an answer of `GET /_cluster/settings`: a list that is set hides the defaults (lifecycle.jsonl)."""
    stored = {key: json.dumps(reference) for key, reference in references}
    scopes = {"persistent": {**stored}, "transient": {}, "defaults": {}}
    if persistent is not None:
        scopes["persistent"][SETTING] = persistent
    if transient is not None:
        scopes["transient"][SETTING] = transient
    if persistent is None and transient is None:
        scopes["defaults"][SETTING] = defaults
    return TrustList.of(scopes)


def written(trust, changes):
    """Returns the settings after `changes`, as the service shows them."""
    persistent = dict(changes.get("persistent", {}))
    references = {key: json.dumps(reference) for key, reference in trust.references.items()}
    references |= {key: value for key, value in persistent.items() if key != SETTING}
    kept = [(key, json.loads(value)) for key, value in references.items() if value is not None]
    entries = persistent.get(SETTING, None if trust.is_default else list(trust.effective))
    return settings(entries, defaults=DEFAULTS if SETTING in persistent else list(trust.effective), references=kept)


def added(trust, pattern=OURS, reference=MARK):
    return written(trust, trust.with_ours(pattern, reference))


def removed(trust, pattern=OURS, owner=MARK.owner):
    return written(trust, trust.without_ours(pattern, owner))


def test_adding_an_entry_keeps_the_defaults():
    assert added(settings()).effective == (*DEFAULTS, OURS)


def test_removing_the_entry_resets_the_setting_to_its_defaults():
    assert removed(added(settings())).is_default


@pytest.mark.parametrize("order", [(OURS, OTHER), (OTHER, OURS)], ids=["first in, first out", "last in, first out"])
def test_removing_two_entries_in_any_order_resets_the_defaults(order):
    trust = added(added(settings()), OTHER, OwnerReference("p/s/other", "2"))
    owners = {OURS: MARK.owner, OTHER: "p/s/other"}
    for pattern in order:
        trust = removed(trust, pattern, owners[pattern])
    assert trust.is_default


def test_a_list_set_by_somebody_else_is_restored():
    trust = removed(added(settings(persistent=[OTHER])))
    assert (trust.effective, trust.is_default) == ((OTHER,), False)


def test_an_entry_added_meanwhile_is_kept():
    trust = added(settings())
    meanwhile = settings(persistent=[*trust.effective, OTHER], references=trust.references.items())
    assert removed(meanwhile).effective == (*DEFAULTS, OTHER)


def test_a_pattern_trusted_before_is_kept():
    trust = added(settings(persistent=[OURS]))
    assert trust.effective == (OURS,)
    assert removed(trust).effective == (OURS,)
    assert removed(added(settings(defaults=[OURS]))).effective == (OURS,)


def test_a_pattern_of_two_stacks_is_removed_with_the_last():
    trust = added(added(settings()), OURS, OwnerReference("p/other/endpoint", "2"))
    trust = removed(trust)
    assert OURS in trust.effective
    assert removed(trust, OURS, "p/other/endpoint").is_default


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
