"""How OpenSearch says no: one JSON envelope with a type, a reason and a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MARK = "(in the sandbox)"
"""Ends every refusal that is not a real node's."""


class ApiError(Exception):
    """An answer of another status than 2xx. `extra` are keys beside type and reason, such as `index`."""

    def __init__(
        self,
        status: int,
        kind: str,
        reason: str,
        *,
        extra: Mapping[str, Any] | None = None,
        cause: ApiError | None = None,
    ) -> None:
        super().__init__(f"{kind}: {reason} (HTTP {status})")
        self.status, self.kind, self.reason = status, kind, reason
        self.extra = dict(extra or {})
        self.cause = cause

    @property
    def ours(self) -> bool:
        """Whether it is the sandbox that refuses, not what a real node would."""
        return self.reason.endswith(MARK)

    def item(self) -> dict[str, Any]:
        """As one item of `_bulk` shows it: no root cause, no status."""
        shown = {"type": self.kind, "reason": self.reason, **self.extra}
        return {**shown, "caused_by": self.cause.item()} if self.cause else shown

    def body(self) -> dict[str, Any]:
        """As the whole answer shows it."""
        roots = [{"type": self.kind, "reason": self.reason, **self.extra}]
        return {"error": {"root_cause": roots, **self.item()}, "status": self.status}


class PlainError(Exception):
    """An answer from before any handler was chosen: `error` is a plain text, and `status` is not always there."""

    def __init__(self, status: int, text: str, *, numbered: bool = True) -> None:
        super().__init__(text)
        self.status = status
        self.body: dict[str, Any] = {"error": text, "status": status} if numbered else {"error": text}


def not_here(what: str, kind: str = "illegal_argument_exception") -> ApiError:
    """HTTP 400 for what a real node may take, and the sandbox does not."""
    return ApiError(400, kind, what if what.endswith(MARK) else f"{what} {MARK}")


def illegal_argument(reason: str) -> ApiError:
    """HTTP 400 illegal_argument_exception."""
    return ApiError(400, "illegal_argument_exception", reason)


def status_error(status: int, reason: str) -> ApiError:
    """status_exception: what ML Commons throws when it did think about the status."""
    return ApiError(status, "status_exception", reason)


def index_not_found(name: str) -> ApiError:
    """HTTP 404 for a name that is neither an index nor an alias."""
    extra = {"index": name, "resource.id": name, "resource.type": "index_or_alias", "index_uuid": "_na_"}
    return ApiError(404, "index_not_found_exception", f"no such index [{name}]", extra=extra)
