"""Everything that `providers` raises. Each message is one line: what we asked, what came back, what to do.

* SearchStackError
  x ApiError            the search service answers with an error
    + NotFound          404: read() and delete() take it as "gone"
    + Rejected          the request is wrong as it stands, and is never sent again
    + Unavailable       no answer, or "not now": sent again where that is safe, then raised
  x SqlError            the database refuses a statement
  x NotOwned            the object exists and belongs to somebody else
  x ResourceFailed      the object exists and is in a failed state
  x WaitTimeout         the object exists and is not ready in time: carries the last reason
  x Refused             the operation would lose data, or cannot work
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SearchStackError(Exception):
    """Base of every error raised here; `str()` of it is what a person reads."""

    retry_after: float = 0
    """Seconds that the service asks to wait before the request is sent again."""


class ApiError(SearchStackError):
    """The search service answers with an error. `status` is None when there is no answer."""

    def __init__(self, request: str, status: int | None, reason: str, advice: str = "") -> None:
        shown = f"{request}: {reason}" + (f" (HTTP {status})" if status else "")
        super().__init__(f"{shown}; {advice}" if advice else shown)
        self.request, self.status, self.reason = request, status, reason


class NotFound(ApiError):
    """The object does not exist."""


class Rejected(ApiError):
    """The service rejects the request; sending it again cannot help."""


class Unavailable(ApiError):
    """The service cannot answer. `not_processed` means that it certainly did not act on the request."""

    def __init__(
        self,
        request: str,
        status: int | None,
        reason: str,
        advice: str = "",
        *,
        not_processed: bool,
        retry_after: float = 0,
    ) -> None:
        super().__init__(request, status, reason, advice)
        self.not_processed, self.retry_after = not_processed, retry_after


class SqlError(SearchStackError):
    """The database refuses a statement. `code` is MySQL's error number, 0 when there is no answer.

    `answer_lost` means that the statement was sent, and may have been carried out.
    """

    def __init__(self, statement: str, code: int, reason: str, advice: str = "", *, answer_lost: bool = False) -> None:
        shown = f"{statement}: {reason}" + (f" ({code})" if code else "")
        super().__init__(f"{shown}; {advice}" if advice else shown)
        self.statement, self.code, self.reason, self.answer_lost = statement, code, reason, answer_lost


class NotOwned(SearchStackError):
    """An object of that name exists and belongs to somebody else; `owner` and `uid` where it carries a reference."""

    def __init__(self, message: str, owner: str = "", uid: str = "") -> None:
        super().__init__(message)
        self.owner, self.uid = owner, uid


class ResourceFailed(SearchStackError):
    """The object exists and is in a failed state."""


class WaitTimeout(SearchStackError):
    """The object exists and is not ready in time."""


class Refused(SearchStackError):
    """The operation is refused: it would lose data, or cannot work."""


def pluralize(number: int, noun: str) -> str:
    """Returns `1 document`, `5 documents`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def suggest(name: str, known: Iterable[str], otherwise: str) -> str:
    """Returns `did you mean x?`, of the names that are known, or otherwise what to do where none is near."""
    near = difflib.get_close_matches(name, list(known))
    return f"did you mean {near[0]}?" if near else otherwise


def deletion_protected(what: str) -> Refused:
    """Returns the refusal to delete protected data; `what` says whose documents or rows, and how many."""
    return Refused(
        f"{what}, and deletion protection is on; to delete them, set deletion_protection: false (where it was renamed "
        f"or taken out of the configuration, put it back first), run `pulumi up`, and try again"
    )
