"""Trusted endpoint: a URL pattern that PolarSearch's connectors may call.

The service keeps one list for the whole cluster. Writing it replaces it and hides the defaults, so adding an entry
means writing the effective list with ours in it, and removing ours means restoring exactly what would be there without
it. The list has no place for an owner reference: `cluster.metadata.pulumi.trusted.*` beside it keeps ours.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator

from providers.kit import (
    ApiError,
    Immutable,
    Inputs,
    NotFound,
    OwnerReference,
    Properties,
    Refused,
    Resource,
    State,
    Unavailable,
)
from providers.services import ClusterKind, Inventory

SETTING = "plugins.ml_commons.trusted_connector_endpoints_regex"
REFERENCES = "cluster.metadata.pulumi.trusted."
FROM_DEFAULTS, SHARED = "defaults", "shared"
LONGEST = 256
"""Characters; OpenSearch 3.7 and later refuse more."""

PROBE_URLS = ("https://anything.invalid/x", "http://192.0.2.1:9/y", "https://example.org")
"""A pattern that matches all of these trusts every URL."""


def validated_pattern(pattern: str) -> str:
    """Returns the pattern, if it is a Java regular expression that trusts less than everything. Raises ValueError.

    Up to 3.6 the service takes an invalid one, and then refuses every connector.
    """
    if len(pattern) > LONGEST:
        raise ValueError(f"has {len(pattern)} characters; write at most {LONGEST}")
    try:
        compiled = re.compile(python_pattern(pattern))
    except re.error as error:
        raise ValueError(f"is not a regular expression ({error}); write one such as ^https://host/.*$") from error
    if all(compiled.fullmatch(url) for url in PROBE_URLS):
        raise ValueError("trusts every URL; write one that names the host, such as ^https://host/.*$")
    return pattern


def python_pattern(pattern: str) -> str:
    """Returns a Java regular expression as Python writes it: quoted parts and POSIX classes differ."""
    quoted = re.sub(r"\\Q(.*?)(\\E|$)", lambda found: re.escape(found[1]), pattern)
    return re.sub(r"\\([pP])\{(\w+)\}", lambda found: r"\w" if found[1] == "p" else r"\W", quoted)


class TrustedEndpointProperties(Properties):
    """`pattern` is a Java regular expression that a connector's whole URL has to match."""

    pattern: Immutable[Annotated[str, AfterValidator(validated_pattern)]]


class TrustedEndpointInputs(TrustedEndpointProperties, Inputs):
    """What a person declares."""


class TrustedEndpointState(TrustedEndpointInputs, State):
    """What PolarSearch shows."""


@dataclass(frozen=True)
class TrustList:
    """The cluster's trusted endpoints, and what our owner references record about them."""

    effective: tuple[str, ...]
    scope: str = "persistent"
    """Which settings are in effect: a transient list hides the persistent one, which hides the defaults."""
    is_default: bool = False
    references: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By settings key: pattern, owner, uid, and `base`: what the list was made from."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> TrustList:
        """Reads `GET /_cluster/settings?include_defaults=true&flat_settings=true`."""
        scopes = ("transient", "persistent", "defaults")
        scope = next((scope for scope in scopes if SETTING in settings.get(scope, {})), "defaults")
        stored = settings.get("persistent", {})
        references = {key: json.loads(value) for key, value in stored.items() if key.startswith(REFERENCES)}
        effective = tuple(settings.get(scope, {}).get(SETTING, ()))
        return cls(effective, "transient" if scope == "transient" else "persistent", scope == "defaults", references)

    def state(self, pattern: str, owner: str) -> TrustedEndpointState:
        """Returns the entry as a resource. Raises NotFound when it is not trusted."""
        if pattern not in self.effective:
            raise NotFound("GET /_cluster/settings", 404, f"{pattern} is not trusted")
        uid = self.references.get(setting_key(pattern, owner), {}).get("uid", "")
        return TrustedEndpointState(pattern=pattern, owner=owner, uid=uid)

    def with_ours(self, pattern: str, reference: OwnerReference) -> dict[str, Any]:
        """Returns the settings to write so that `pattern` is trusted, with its owner reference."""
        ours = {"pattern": pattern, "owner": reference.owner, "uid": reference.uid, "base": self._base(pattern)}
        changes: dict[str, Any] = {"persistent": {setting_key(pattern, reference.owner): json.dumps(ours)}}
        if pattern not in self.effective:
            changes.setdefault(self.scope, {})[SETTING] = [*self.effective, pattern]
        return changes

    def without_ours(self, pattern: str, owner: str) -> dict[str, Any]:
        """Returns the settings to write so that the list is what it would be without us."""
        key = setting_key(pattern, owner)
        others = [reference for other, reference in self.references.items() if other != key]
        base = self.references[key]["base"]
        changes: dict[str, Any] = {"persistent": {key: None}}
        keep = base == SHARED or any(reference["pattern"] == pattern for reference in others)
        if not keep and pattern in self.effective:
            rest = [entry for entry in self.effective if entry != pattern]
            untouched = not others and base == f"{FROM_DEFAULTS}:{fingerprint(rest)}"
            changes.setdefault(self.scope, {})[SETTING] = None if untouched else rest
        return changes

    def _base(self, pattern: str) -> str:
        """What the list was made from: what our references record, for this pattern or for any, or what is shown."""
        recorded = list(self.references.values())
        if same := [reference["base"] for reference in recorded if reference["pattern"] == pattern]:
            return same[0]
        if pattern in self.effective:
            return SHARED
        if self.is_default:
            return f"{FROM_DEFAULTS}:{fingerprint(self.effective)}"
        bases = (reference["base"] for reference in recorded)
        return next((base for base in bases if base.startswith(FROM_DEFAULTS)), "set")


def fingerprint(entries: Any) -> str:
    """Returns enough of a list to tell whether it is still the same."""
    return hashlib.sha256(json.dumps(list(entries)).encode()).hexdigest()[:16]


def setting_key(pattern: str, owner: str) -> str:
    """Returns the setting that keeps our owner reference."""
    return REFERENCES + hashlib.sha256(f"{owner}\n{pattern}".encode()).hexdigest()[:16]


class TrustedEndpointKind(ClusterKind[TrustedEndpointInputs, TrustedEndpointState]):
    """Adds, shows and removes entries of the one list. The id is the pattern."""

    inputs_type = TrustedEndpointInputs
    state_type = TrustedEndpointState
    identity = frozenset({"pattern"})

    def find(self, inputs: TrustedEndpointInputs) -> tuple[str, TrustedEndpointState] | None:
        trusted, pattern = self._list(), inputs.pattern
        ours = setting_key(pattern, inputs.owner) in trusted.references and pattern in trusted.effective
        return (pattern, trusted.state(pattern, inputs.owner)) if ours else None

    def is_ours(self, inputs: TrustedEndpointInputs, inventory: Inventory) -> bool:
        """Stacks share an entry: no other one is in the way."""
        return False

    def create(self, inputs: TrustedEndpointInputs, uid: str) -> str:
        self._write(inputs.pattern, OwnerReference(inputs.owner, uid))
        return inputs.pattern

    def bring_up(self, id: str, inputs: TrustedEndpointInputs, uid: str) -> TrustedEndpointState:
        """Writing has looked at the list again."""
        return TrustedEndpointState(pattern=id, owner=inputs.owner, uid=uid)

    def read(self, id: str, declared: TrustedEndpointInputs) -> TrustedEndpointState:
        return self._list().state(id, declared.owner)

    def update(self, id: str, old: TrustedEndpointState, new: TrustedEndpointInputs, uid: str) -> None:
        if old.owner != new.owner:
            self._remove(id, old.owner)
        self._write(id, OwnerReference(new.owner, uid))

    def delete(self, id: str, state: TrustedEndpointState) -> None:
        self._remove(id, state.owner)

    def _write(self, pattern: str, reference: OwnerReference) -> None:
        """Writes and looks again: another stack may have written the list in between."""
        with self.services.lock:
            for _ in range(5):
                self._put(self._list().with_ours(pattern, reference))
                if pattern in self._written().effective:
                    return
        raise Refused(f"{SETTING}: others keep writing this list; stop them, or let one stack own it")

    def _remove(self, pattern: str, owner: str) -> None:
        with self.services.lock:
            trusted = self._list()
            if setting_key(pattern, owner) in trusted.references:
                self._put(trusted.without_ours(pattern, owner))

    def _list(self) -> TrustList:
        return TrustList.of(self.search.get("/_cluster/settings?include_defaults=true&flat_settings=true"))

    def _written(self) -> TrustList:
        """Raises Unavailable where the list cannot be looked at: ours was written, and is looked for."""
        try:
            return self._list()
        except ApiError as error:
            raise Unavailable(error.request, error.status, error.reason, not_processed=False) from error

    def _put(self, changes: dict[str, Any]) -> None:
        self.search.put("/_cluster/settings", changes)


class TrustedEndpoint(TrustedEndpointProperties, Resource, module="polarsearch", name="TrustedEndpoint"):
    """Lets PolarSearch call URLs that match `pattern`, beside those it trusts already. Its id is the pattern.

    Example:
        TrustedEndpoint("model-studio", pattern="^https://dashscope.aliyuncs.com/compatible-mode/.*$", opts=opts)
    """

    kind = TrustedEndpointKind
