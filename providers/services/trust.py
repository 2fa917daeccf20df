"""Which URLs PolarSearch's connectors may call: settings of the whole cluster, shared by every stack. Pure.

A list is one value. Writing it replaces it and hides the defaults, so adding an entry means writing the effective list
with ours in it, and removing ours means restoring exactly what would be there without it. The settings have no place
for an owner reference: `cluster.metadata.pulumi.trusted.*` beside them keeps ours, and what they were made from.

A URL whose host has a private address needs `connector.private_ip_enabled` too, and from OpenSearch 3.7 on a place in a
second list (ml-commons, MLCommonsSettings).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from providers.kit import OwnerReference

SETTING = "plugins.ml_commons.trusted_connector_endpoints_regex"
PRIVATE_SETTING = "plugins.ml_commons.trusted_connector_private_endpoints_regex"
PRIVATE_FLAG = "plugins.ml_commons.connector.private_ip_enabled"
REFERENCES = "cluster.metadata.pulumi.trusted."

PRIVATE_NETWORKS = [ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")]
"""ml-commons, MLHttpClientFactory."""

FROM_DEFAULTS, SHARED = "defaults", "shared"
UNSET, FALSE, TRUE = "unset", "false", "true"

Changes = dict[str, dict[str, Any]]
"""Settings to write, by scope; None resets one."""

References = Mapping[str, Mapping[str, str]]
"""Our owner references by settings key: pattern, owner, uid, and what each setting was made from."""


@dataclass(frozen=True)
class TrustList:
    """One of the lists, and what our owner references record of it, as `kept_as`."""

    effective: tuple[str, ...]
    scope: str = "persistent"
    """Which settings are in effect: a transient list hides the persistent one, which hides the defaults."""
    is_default: bool = False
    references: References = field(default_factory=dict)
    setting: str = SETTING
    kept_as: str = "base"

    @classmethod
    def of(cls, settings: Mapping[str, Any], setting: str = SETTING, kept_as: str = "base") -> TrustList:
        """Reads `GET /_cluster/settings?include_defaults=true&flat_settings=true`."""
        scope = _scope_of(settings, setting)
        references = {key: each for key, each in references_of(settings).items() if kept_as in each}
        effective = tuple(settings.get(scope, {}).get(setting, ()))
        return cls(effective, _written_in(scope), scope == "defaults", references, setting, kept_as)

    def base(self, pattern: str) -> str:
        """What the list was made from: what our references record, for this pattern or for any, or what is shown."""
        recorded = list(self.references.values())
        if same := [reference[self.kept_as] for reference in recorded if reference["pattern"] == pattern]:
            return same[0]
        if pattern in self.effective:
            return SHARED
        if self.is_default:
            return f"{FROM_DEFAULTS}:{fingerprint(self.effective)}"
        bases = (reference[self.kept_as] for reference in recorded)
        return next((base for base in bases if base.startswith(FROM_DEFAULTS)), "set")

    def adding(self, pattern: str) -> Changes:
        """Returns the settings to write so that `pattern` is an entry."""
        return {} if pattern in self.effective else {self.scope: {self.setting: [*self.effective, pattern]}}

    def removing(self, pattern: str, key: str) -> Changes:
        """Returns the settings to write so that the list is what it would be without our reference `key`."""
        if key not in self.references or pattern not in self.effective:
            return {}
        others = [reference for other, reference in self.references.items() if other != key]
        base = self.references[key][self.kept_as]
        if base == SHARED or any(reference["pattern"] == pattern for reference in others):
            return {}
        rest = [entry for entry in self.effective if entry != pattern]
        untouched = not others and base == f"{FROM_DEFAULTS}:{fingerprint(rest)}"
        return {self.scope: {self.setting: None if untouched else rest}}


@dataclass(frozen=True)
class PrivateAddresses:
    """Whether connectors may call private addresses at all, and what our owner references record of it, as `private`.

    `was` is what is set now: `unset`, `false` or `true`; `default` is what a node's own file says.
    """

    was: str = UNSET
    default: bool = False
    scope: str = "persistent"
    references: References = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> PrivateAddresses:
        """Reads `GET /_cluster/settings?include_defaults=true&flat_settings=true`."""
        scope = _scope_of(settings, PRIVATE_FLAG)
        was = UNSET if scope == "defaults" else str(settings[scope][PRIVATE_FLAG]).lower()
        default = str(settings.get("defaults", {}).get(PRIVATE_FLAG)).lower() == TRUE
        references = {key: each for key, each in references_of(settings).items() if "private" in each}
        return cls(was, default, _written_in(scope), references)

    @property
    def allowed(self) -> bool:
        """Whether they may."""
        return self.was == TRUE or (self.was == UNSET and self.default)

    def base(self) -> str:
        """What it was before any of ours."""
        now = TRUE if self.allowed else self.was
        return next((reference["private"] for reference in self.references.values()), now)

    def allowing(self) -> Changes:
        """Returns the settings to write so that they may."""
        return {} if self.allowed else {self.scope: {PRIVATE_FLAG: True}}

    def restoring(self, key: str) -> Changes:
        """Returns the settings to write so that it is what it would be without our reference `key`."""
        others = self.references.keys() - {key}
        if key not in self.references or others or not self.allowed or self.base() == TRUE:
            return {}
        return {self.scope: {PRIVATE_FLAG: None if self.base() == UNSET else False}}


@dataclass(frozen=True)
class Trust:
    """What the cluster trusts; `private_urls` is None where this OpenSearch has no such list."""

    urls: TrustList
    private: PrivateAddresses
    private_urls: TrustList | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Trust:
        """Reads `GET /_cluster/settings?include_defaults=true&flat_settings=true`, which shows every known setting."""
        known = any(PRIVATE_SETTING in scope for scope in settings.values())
        private_urls = TrustList.of(settings, PRIVATE_SETTING, "private_base") if known else None
        return cls(TrustList.of(settings), PrivateAddresses.of(settings), private_urls)

    def trusts(self, pattern: str, *, private: bool) -> bool:
        """Tells whether URLs that match are trusted, private addresses included if `private`."""
        return pattern in self.urls.effective and (not private or self._trusts_private(pattern))

    def reference(self, pattern: str, owner: str) -> Mapping[str, str]:
        """Returns our owner reference; empty where there is none."""
        return self.urls.references.get(setting_key(pattern, owner), {})

    def is_private(self, pattern: str, owner: str) -> bool:
        """Tells whether this owner's entry includes private addresses, and is in effect."""
        return "private" in self.reference(pattern, owner) and self._trusts_private(pattern)

    def with_ours(self, pattern: str, reference: OwnerReference, *, private: bool = False) -> Changes:
        """Returns the settings to write so that `pattern` is trusted, with its owner reference."""
        key = setting_key(pattern, reference.owner)
        ours = {"pattern": pattern, "owner": reference.owner, "uid": reference.uid, "base": self.urls.base(pattern)}
        if not private:
            kept = {"persistent": {key: json.dumps(ours)}}
            return _merged(self.urls.adding(pattern), *self._private_restored(pattern, key), kept)
        ours["private"] = self.private.base()
        changes = [self.urls.adding(pattern), self.private.allowing()]
        if self.private_urls is not None:
            ours["private_base"] = self.private_urls.base(pattern)
            changes.append(self.private_urls.adding(pattern))
        return _merged(*changes, {"persistent": {key: json.dumps(ours)}})

    def without_ours(self, pattern: str, owner: str) -> Changes:
        """Returns the settings to write so that everything is what it would be without us."""
        key = setting_key(pattern, owner)
        removed = self.urls.removing(pattern, key)
        return _merged(removed, *self._private_restored(pattern, key), {"persistent": {key: None}})

    def _private_restored(self, pattern: str, key: str) -> list[Changes]:
        listed = self.private_urls.removing(pattern, key) if self.private_urls else {}
        return [self.private.restoring(key), listed]

    def _trusts_private(self, pattern: str) -> bool:
        listed = self.private_urls is None or pattern in self.private_urls.effective
        return self.private.allowed and listed


def is_private_address(host: str) -> bool:
    """Tells whether a host is written as an address that ML Commons takes for private."""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified or any(address in network for network in PRIVATE_NETWORKS)


def matches(pattern: str, url: str) -> bool:
    """Tells whether a whole URL matches a Java regular expression; one that Python cannot read matches every URL."""
    try:
        return re.fullmatch(python_pattern(pattern), url) is not None
    except re.error:
        return True


def python_pattern(pattern: str) -> str:
    """Returns a Java regular expression as Python writes it: quoted parts and POSIX classes differ."""
    quoted = re.sub(r"\\Q(.*?)(\\E|$)", lambda found: re.escape(found[1]), pattern)
    return re.sub(r"\\([pP])\{(\w+)\}", lambda found: r"\w" if found[1] == "p" else r"\W", quoted)


def references_of(settings: Mapping[str, Any]) -> References:
    """Returns the owner references that the settings keep."""
    stored = settings.get("persistent", {})
    return {key: json.loads(value) for key, value in stored.items() if key.startswith(REFERENCES)}


def fingerprint(entries: Any) -> str:
    """Returns enough of a list to tell whether it is still the same."""
    return hashlib.sha256(json.dumps(list(entries)).encode()).hexdigest()[:16]


def setting_key(pattern: str, owner: str) -> str:
    """Returns the setting that keeps our owner reference."""
    return REFERENCES + hashlib.sha256(f"{owner}\n{pattern}".encode()).hexdigest()[:16]


def _scope_of(settings: Mapping[str, Any], setting: str) -> str:
    scopes = ("transient", "persistent")
    return next((scope for scope in scopes if setting in settings.get(scope, {})), "defaults")


def _written_in(scope: str) -> str:
    return "transient" if scope == "transient" else "persistent"


def _merged(*changes: Changes) -> Changes:
    merged: Changes = {}
    for each in changes:
        for scope, settings in each.items():
            merged.setdefault(scope, {}).update(settings)
    return merged
