"""Trusted endpoint: a URL pattern that PolarSearch's connectors may call.

The service keeps one list for the whole cluster, which `providers.services.trust` reads and changes. A pattern may
include private addresses, which PolarSearch refuses to call unless a setting of the whole cluster allows it.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator

from providers.kit import (
    ApiError,
    Immutable,
    Inputs,
    NotFound,
    OwnerReference,
    Properties,
    Property,
    Refused,
    Resource,
    State,
    Unavailable,
    prop,
)
from providers.services import ClusterKind, Inventory, require_version
from providers.services.trust import SETTING, Trust, python_pattern

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


class TrustedEndpointProperties(Properties):
    """`pattern` is a Java regular expression that a connector's whole URL has to match.

    `private` trusts it where its host has a private address, too: 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, loopback.
    """

    pattern: Immutable[Annotated[str, AfterValidator(validated_pattern)]]
    private: Property[bool] = prop(default=False)


class TrustedEndpointInputs(TrustedEndpointProperties, Inputs):
    """What a person declares."""


class TrustedEndpointState(TrustedEndpointInputs, State):
    """What PolarSearch shows."""


class TrustedEndpointKind(ClusterKind[TrustedEndpointInputs, TrustedEndpointState]):
    """Adds, shows and removes entries of the one list. The id is the pattern."""

    inputs_type = TrustedEndpointInputs
    state_type = TrustedEndpointState
    identity = frozenset({"pattern"})

    def find(self, inputs: TrustedEndpointInputs) -> tuple[str, TrustedEndpointState] | None:
        trust, pattern = self._trust(), inputs.pattern
        ours = trust.reference(pattern, inputs.owner) and trust.trusts(pattern, private=False)
        return (pattern, _shown(trust, pattern, inputs.owner)) if ours else None

    def is_ours(self, inputs: TrustedEndpointInputs, inventory: Inventory) -> bool:
        """Stacks share an entry: no other one is in the way."""
        return False

    def require_possible(self, inputs: TrustedEndpointInputs, inventory: Inventory) -> None:
        if inputs.private:
            what, instead = f"trusted endpoint {inputs.pattern}: private", "give the service a public address"
            require_version(self.search.version, (2, 15, 0), what, instead)

    def create(self, inputs: TrustedEndpointInputs, uid: str) -> str:
        self._write(inputs, uid)
        return inputs.pattern

    def bring_up(self, id: str, inputs: TrustedEndpointInputs, uid: str) -> TrustedEndpointState:
        """Writing has looked at the list again."""
        return TrustedEndpointState(**dict(inputs), uid=uid)

    def read(self, id: str, declared: TrustedEndpointInputs) -> TrustedEndpointState:
        trust = self._trust()
        if not trust.trusts(id, private=False):
            raise NotFound("GET /_cluster/settings", 404, f"{id} is not trusted")
        return _shown(trust, id, declared.owner)

    def update(self, id: str, old: TrustedEndpointState, new: TrustedEndpointInputs, uid: str) -> None:
        if old.owner != new.owner:
            self._remove(id, old.owner)
        self._write(new, uid)

    def delete(self, id: str, state: TrustedEndpointState) -> None:
        self._remove(id, state.owner)

    def _write(self, inputs: TrustedEndpointInputs, uid: str) -> None:
        """Writes and looks again: another stack may have written the list in between."""
        self.require_possible(inputs, Inventory(self.services))
        ours = OwnerReference(inputs.owner, uid)
        with self.services.lock:
            for _ in range(5):
                self._put(self._trust().with_ours(inputs.pattern, ours, private=inputs.private))
                if self._written().trusts(inputs.pattern, private=inputs.private):
                    return
        raise Refused(f"{SETTING}: others keep writing this list; stop them, or let one stack own it")

    def _remove(self, pattern: str, owner: str) -> None:
        with self.services.lock:
            trust = self._trust()
            if trust.reference(pattern, owner):
                self._put(trust.without_ours(pattern, owner))

    def _trust(self) -> Trust:
        return Trust.of(self.search.cluster_settings())

    def _written(self) -> Trust:
        """Raises Unavailable where the list cannot be looked at: ours was written, and is looked for."""
        try:
            return self._trust()
        except ApiError as error:
            raise Unavailable(error.request, error.status, error.reason, not_processed=False) from error

    def _put(self, changes: dict[str, Any]) -> None:
        self.search.put("/_cluster/settings", changes)


def _shown(trust: Trust, pattern: str, owner: str) -> TrustedEndpointState:
    uid = trust.reference(pattern, owner).get("uid", "")
    return TrustedEndpointState(pattern=pattern, private=trust.is_private(pattern, owner), owner=owner, uid=uid)


class TrustedEndpoint(TrustedEndpointProperties, Resource, module="polarsearch", name="TrustedEndpoint"):
    """Lets PolarSearch call URLs that match `pattern`, beside those it trusts already. Its id is the pattern.

    Example:
        TrustedEndpoint("model-studio", pattern="^https://dashscope.aliyuncs.com/compatible-mode/.*$", opts=opts)
    """

    kind = TrustedEndpointKind
