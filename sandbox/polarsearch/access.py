"""Who may do what: basic auth as the security plugin answers it."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Collection, Mapping

from sandbox.polarsearch.errors import ApiError
from sandbox.wire import Request, Response

_READALL = ("indices:data/read/", "indices:admin/aliases/get")


class Access:
    """`users` None: no security plugin, everybody may do everything. `readers` may only read documents."""

    def __init__(self, users: Mapping[str, str] | None, readers: Collection[str]) -> None:
        self._users, self._readers = users, frozenset(readers)

    def user(self, request: Request) -> str | None:
        """Who asks, None when nobody known."""
        if self._users is None:
            return ""
        name, password = _credentials(request.headers.get("authorization", ""))
        known = self._users.get(name)
        return name if known is not None and hmac.compare_digest(known.encode(), password.encode()) else None

    def check(self, user: str, action: str) -> None:
        """Raises security_exception, HTTP 403, for what a limited user may not do."""
        if user in self._readers and not action.startswith(_READALL):
            who = f"User [name={user}, backend_roles=[readall], requestedTenant=null]"
            raise ApiError(403, "security_exception", f"no permissions for [{action}] and {who}")


def unauthorized() -> Response:
    """HTTP 401: no credentials, or wrong ones."""
    headers = {"www-authenticate": 'Basic realm="OpenSearch Security"', "content-type": "text/plain; charset=UTF-8"}
    return Response(401, b"Unauthorized", headers)


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    name, _, password = text.partition(":")
    return (name, password) if scheme.lower() == "basic" else ("", "")
