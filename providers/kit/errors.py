"""Everything this package raises. Each message is one line: what we asked, what came back, what to do.

* SearchStackError
  x ApiError            the search service answered with an error
    + NotFound          404: read() and delete() take it as "gone"
    + Rejected          the request is wrong as it stands, never sent again
    + Unavailable       no answer, or "not now": sent again where that is safe, then raised
  x SqlError            the database refused a statement
  x NotOwned            exists, but is not ours
  x ResourceFailed      exists, and ended in a failed state
  x WaitTimeout         exists, and was not ready in time: carries the last reason
  x Refused             we will not do this
"""

from __future__ import annotations


class SearchStackError(Exception):
    """Base of every error raised here; `str()` of it is what a person reads."""


class ApiError(SearchStackError):
    """The search service answered with an error. `status` is None when there was no answer."""

    def __init__(self, request: str, status: int | None, reason: str, advice: str = "") -> None:
        shown = f"{request}: {reason}" + (f" (HTTP {status})" if status else "")
        super().__init__(f"{shown}; {advice}" if advice else shown)
        self.request, self.status, self.reason = request, status, reason


class NotFound(ApiError):
    """The object does not exist."""


class Rejected(ApiError):
    """The service refused the request; sending it again cannot help."""


class Unavailable(ApiError):
    """The service could not answer. `refused` means that it certainly did not act on the request."""

    def __init__(self, request: str, status: int | None, reason: str, advice: str = "", *, refused: bool) -> None:
        super().__init__(request, status, reason, advice)
        self.refused = refused


class SqlError(SearchStackError):
    """The database refused a statement. `code` is MySQL's error number, 0 when there was no answer."""

    def __init__(self, statement: str, code: int, reason: str, advice: str = "") -> None:
        shown = f"{statement}: {reason}" + (f" ({code})" if code else "")
        super().__init__(f"{shown}; {advice}" if advice else shown)
        self.statement, self.code, self.reason = statement, code, reason


class NotOwned(SearchStackError):
    """An object of that name exists, and somebody else made it."""


class ResourceFailed(SearchStackError):
    """The object was made, and ended in a failed state."""


class WaitTimeout(SearchStackError):
    """The object was made, and did not become ready in time."""


def counted(number: int, what: str) -> str:
    """`1 document`, `5 documents`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


class Refused(SearchStackError):
    """We will not do this: it would lose data, or cannot work."""


def protected(what: str) -> Refused:
    """The refusal to delete what deletion protection keeps; `what` says whose documents or rows, and how many."""
    return Refused(
        f"{what}, and deletion protection is on; to delete them, "
        f"set deletion_protection: false, run `pulumi up`, and try again"
    )
