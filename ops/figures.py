"""How much a change takes: rows and documents as the services counted them, and what embedding them costs. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from providers.kit import pluralize


@dataclass(frozen=True)
class Figures:
    """What was counted of one collection, and what embedding every row takes; None where that is not known."""

    rows: int | None = None
    documents: int | None = None
    requests: int | None = None
    seconds: float | None = None
    dollars: float | None = None

    @property
    def rows_text(self) -> str:
        """The rows, for a sentence."""
        return "every row" if self.rows is None else counted(self.rows, "row")

    @property
    def documents_text(self) -> str:
        """The documents, for a sentence."""
        return "all its documents" if self.documents is None else counted(self.documents, "document")

    @property
    def effort_text(self) -> str:
        """What embedding every row takes, after the rows; empty where nothing was counted."""
        if not self.requests:
            return ""
        return f", {counted(self.requests, 'request')}, {_time(self.seconds)} and {_money(self.dollars)}"


def counted(number: int, noun: str) -> str:
    """Returns a number with its noun, in groups of three digits."""
    return pluralize(number, noun).replace(str(number), f"{number:,}", 1)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "time unknown"
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"about {seconds / size:,.0f} {unit}"
    return f"about {max(1, seconds):.0f} s"


def _money(dollars: float | None) -> str:
    if dollars is None:
        return "price unknown"
    return "less than 0.01 USD" if dollars < 0.01 else f"{dollars:,.2f} USD"
