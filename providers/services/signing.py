"""What a connector needs to sign requests to AWS (ml-commons, AwsConnector). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROLE = (
    'only Amazon OpenSearch Service takes on roles, PolarSearch answers "Missing credential"; write access_key and '
    "secret_key and, for temporary keys, session_token, as secrets"
)


def require_signable(credential: Any, parameters: Any) -> None:
    """Raises ValueError with everything that keeps a connector from signing; what is an Output is known later."""
    if isinstance(credential, Mapping | None) and isinstance(parameters, Mapping):
        found = [*_key_mistakes(credential or {}), *_place_mistakes({*parameters, *(credential or {})})]
        if found:
            raise ValueError("; ".join(found))


def _key_mistakes(credential: Mapping[str, Any]) -> list[str]:
    plain = {name.lower().replace("_", ""): name for name in credential}
    if role := plain.get("rolearn"):
        return [f"credential.{role}: {ROLE}"]
    found = []
    for name in ("access_key", "secret_key"):
        written = plain.get(name.replace("_", ""))
        if written != name:
            found.append(f"credential.{written}: write {name}" if written else f"credential.{name}: is missing")
    return found


def _place_mistakes(given: set[str]) -> list[str]:
    needed = {"region": "us-east-1", "service_name": "bedrock"}
    return [
        f"parameters.{name}: is missing; write one such as {each}" for name, each in needed.items() if name not in given
    ]
