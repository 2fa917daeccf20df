"""Trusted endpoint: a URL pattern that PolarSearch's connectors may call.

The service keeps one list for the whole cluster. Writing it replaces it and hides the defaults, so adding an entry
means writing the effective list with ours in it, and removing ours means restoring exactly what would be there
without it. The list has no place for a mark: `cluster.metadata.pulumi.trusted.*` beside it keeps ours.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import pulumi
from pulumi import Input, Output
from pydantic import AfterValidator

from providers.kit import Immutable, Inputs, Kind, Mark, NotFound, Refused, Resource, SearchClient, State

SETTING = "plugins.ml_commons.trusted_connector_endpoints_regex"
MARKS = "cluster.metadata.pulumi.trusted."
FROM_DEFAULTS, SHARED = "defaults", "shared"
LONGEST = 256
"""Characters; OpenSearch 3.7 and later refuse more."""

STRANGERS = ("https://anything.invalid/x", "http://192.0.2.1:9/y", "https://example.org")


def trustworthy(pattern: str) -> str:
    """The pattern, if it is a Java regular expression that trusts less than everything. Raises ValueError.

    Up to 3.6 the service takes an invalid one, and then refuses every connector.
    """
    if len(pattern) > LONGEST:
        raise ValueError(f"has {len(pattern)} characters; write at most {LONGEST}")
    try:
        compiled = re.compile(as_python(pattern))
    except re.error as error:
        raise ValueError(f"is not a regular expression ({error}); write one such as ^https://host/.*$") from error
    if all(compiled.fullmatch(url) for url in STRANGERS):
        raise ValueError("trusts every URL; write one that names the host, such as ^https://host/.*$")
    return pattern


def as_python(pattern: str) -> str:
    """A Java regular expression in Python's words: quoted parts and POSIX classes are written differently."""
    quoted = re.sub(r"\\Q(.*?)(\\E|$)", lambda found: re.escape(found[1]), pattern)
    return re.sub(r"\\([pP])\{(\w+)\}", lambda found: r"\w" if found[1] == "p" else r"\W", quoted)


class TrustedEndpointInputs(Inputs):
    """What a person declares: a Java regular expression that a connector's whole URL has to match."""

    pattern: Immutable[Annotated[str, AfterValidator(trustworthy)]]


class TrustedEndpointState(TrustedEndpointInputs, State):
    """What PolarSearch shows."""


@dataclass(frozen=True)
class Trust:
    """The cluster's trusted endpoints, and what our marks say about them."""

    effective: tuple[str, ...]
    scope: str = "persistent"
    """Which settings are in effect: a transient list hides the persistent one, which hides the defaults."""
    is_default: bool = False
    marks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By settings key: pattern, owner, incarnation, and `base`: what the list was made from."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Trust:
        """From `GET /_cluster/settings?include_defaults=true&flat_settings=true`."""
        scopes = ("transient", "persistent", "defaults")
        scope = next((scope for scope in scopes if SETTING in settings.get(scope, {})), "defaults")
        stored = settings.get("persistent", {})
        marks = {key: json.loads(value) for key, value in stored.items() if key.startswith(MARKS)}
        effective = tuple(settings.get(scope, {}).get(SETTING, ()))
        return cls(effective, "transient" if scope == "transient" else "persistent", scope == "defaults", marks)

    def with_ours(self, pattern: str, mark: Mark) -> dict[str, Any]:
        """The settings to write so that `pattern` is trusted, and marked."""
        ours = {"pattern": pattern, "owner": mark.owner, "incarnation": mark.incarnation, "base": self._base(pattern)}
        changes: dict[str, Any] = {"persistent": {key_of(pattern, mark.owner): json.dumps(ours)}}
        if pattern not in self.effective:
            changes.setdefault(self.scope, {})[SETTING] = [*self.effective, pattern]
        return changes

    def without_ours(self, pattern: str, owner: str) -> dict[str, Any]:
        """The settings to write so that the list is what it would be without us."""
        key, marks = key_of(pattern, owner), self.marks
        others = [mark for other, mark in marks.items() if other != key]
        changes: dict[str, Any] = {"persistent": {key: None}}
        keep = marks[key]["base"] == SHARED or any(mark["pattern"] == pattern for mark in others)
        if not keep and pattern in self.effective:
            rest = [entry for entry in self.effective if entry != pattern]
            untouched = not others and marks[key]["base"] == f"{FROM_DEFAULTS}:{fingerprint(rest)}"
            changes.setdefault(self.scope, {})[SETTING] = None if untouched else rest
        return changes

    def _base(self, pattern: str) -> str:
        """What the list was made from: what our marks say, for this pattern or for any, or what we see."""
        said = list(self.marks.values())
        if same := [mark["base"] for mark in said if mark["pattern"] == pattern]:
            return same[0]
        if pattern in self.effective:
            return SHARED
        if self.is_default:
            return f"{FROM_DEFAULTS}:{fingerprint(self.effective)}"
        return next((mark["base"] for mark in said if mark["base"].startswith(FROM_DEFAULTS)), "set")


def fingerprint(entries: Any) -> str:
    """Enough of a list to tell whether it is still the same."""
    return hashlib.sha256(json.dumps(list(entries)).encode()).hexdigest()[:16]


def key_of(pattern: str, owner: str) -> str:
    """The setting that keeps our mark."""
    return MARKS + hashlib.sha256(f"{owner}\n{pattern}".encode()).hexdigest()[:16]


class TrustedEndpointKind(Kind[TrustedEndpointInputs, TrustedEndpointState]):
    """Adds, shows and removes entries of the one list. The id is the pattern."""

    inputs_type = TrustedEndpointInputs
    state_type = TrustedEndpointState
    identity = frozenset({"pattern"})

    def find(self, inputs: TrustedEndpointInputs) -> str | None:
        trust = _trust(self.search)
        ours = key_of(inputs.pattern, inputs.owner) in trust.marks
        return inputs.pattern if ours and inputs.pattern in trust.effective else None

    def create(self, inputs: TrustedEndpointInputs, incarnation: str) -> str:
        self._write(inputs.pattern, Mark(inputs.owner, incarnation))
        return inputs.pattern

    def read(self, id: str, declared: TrustedEndpointInputs) -> TrustedEndpointState:
        trust = _trust(self.search)
        if id not in trust.effective:
            raise NotFound("GET /_cluster/settings", 404, f"{id} is not trusted")
        mark = trust.marks.get(key_of(id, declared.owner), {})
        return TrustedEndpointState(pattern=id, owner=declared.owner, incarnation=mark.get("incarnation", ""))

    def update(self, id: str, old: TrustedEndpointState, new: TrustedEndpointInputs, incarnation: str) -> None:
        if old.owner != new.owner:
            self._drop(id, old.owner)
        self._write(id, Mark(new.owner, incarnation))

    def delete(self, id: str, state: TrustedEndpointState) -> None:
        self._drop(id, state.owner)

    def _write(self, pattern: str, mark: Mark) -> None:
        """Write and look again: another stack may have written the list in between."""
        with self.connections.lock:
            for _ in range(5):
                _put(self.search, _trust(self.search).with_ours(pattern, mark))
                if pattern in _trust(self.search).effective:
                    return
        raise Refused(f"{SETTING}: others keep writing this list; stop them, or let one stack own it")

    def _drop(self, pattern: str, owner: str) -> None:
        with self.connections.lock:
            trust = _trust(self.search)
            if key_of(pattern, owner) in trust.marks:
                _put(self.search, trust.without_ours(pattern, owner))


def _trust(search: SearchClient) -> Trust:
    return Trust.of(search.get("/_cluster/settings?include_defaults=true&flat_settings=true"))


def _put(search: SearchClient, changes: dict[str, Any]) -> None:
    search.put("/_cluster/settings", changes)


class TrustedEndpoint(Resource, module="polarsearch", name="TrustedEndpoint"):
    """Lets PolarSearch call URLs that match `pattern`, beside those it trusts already. Its id is the pattern.

    Example:
        TrustedEndpoint("model-studio", pattern="^https://dashscope.aliyuncs.com/compatible-mode/.*$", opts=opts)
    """

    kind = TrustedEndpointKind
    pattern: Output[str]

    def __init__(self, resource_name: str, *, pattern: Input[str], opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(resource_name, {"pattern": pattern}, opts)
