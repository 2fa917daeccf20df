"""Dates by the formats of a mapping: what a text means in milliseconds, and how a node refuses one that has none."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from sandbox.polarsearch.errors import ApiError, illegal_argument, not_here

DEFAULT = "strict_date_optional_time||epoch_millis"
_PATTERNS = {
    "strict_date": "yyyy-MM-dd",
    "date": "yyyy-MM-dd",
    "strict_year_month_day": "yyyy-MM-dd",
    "basic_date": "yyyyMMdd",
    "strict_year_month": "yyyy-MM",
    "strict_year": "yyyy",
    "strict_date_hour_minute_second": "yyyy-MM-dd'T'HH:mm:ss",
    "date_hour_minute_second": "yyyy-MM-dd'T'HH:mm:ss",
}
_SEVERAL = {"epoch_millis", "epoch_second", "strict_date_optional_time"}
"""Formats that are several parsers in one."""

_OPTIONAL_TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?)?"
)
_LETTERS = {"yyyy": r"\d{4}", "uuuu": r"\d{4}", "MM": r"\d\d", "dd": r"\d\d", "HH": r"\d\d", "mm": r"\d\d",
            "ss": r"\d\d", "SSS": r"\d{3}", "X": r"Z|[+-]\d\d", "XXX": r"Z|[+-]\d\d:\d\d",
            "Z": r"[+-]\d{4}"}  # fmt: skip
_PARTS = re.compile(r"'([^']*)'|([A-Za-z])\2*|([^A-Za-z'])")
_PLACES = ("y", "M", "d", "H", "m", "s", "S", "zone")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

Fields = dict[str, str]


class Unparsed(ValueError):
    """A text that is no date of a format; the message is the node's."""


def readers(format: str) -> list[Callable[[str], Fields]]:
    """One for each of the formats between `||`. Raises for a format the sandbox does not know."""
    return [_reader(each) for each in format.split("||")]


def _reader(format: str) -> Callable[[str], Fields]:
    if format.startswith("epoch_") and format in _SEVERAL:
        return lambda text: _epoch(text, 1 if format == "epoch_millis" else 1000)
    if format == "strict_date_optional_time":
        return _optional_time
    tokens = [_token(part) for part in _PARTS.finditer(_PATTERNS.get(format, format))]
    if not tokens or any(token is None for token in tokens):
        raise not_here(f"date format [{format}] is not supported", "mapper_parsing_exception")
    return lambda text: _by_pattern(text, [token for token in tokens if token])


def _token(part: re.Match[str]) -> tuple[str, str] | None:
    if part[2] is None:
        return "", re.escape(part[1] if part[1] is not None else part[3])
    place = {"u": "y", "X": "zone", "Z": "zone"}.get(part[2], part[2])
    return (place, _LETTERS[part[0]]) if part[0] in _LETTERS else None


def _epoch(text: str, scale: int) -> Fields:
    if not re.fullmatch(r"-?\d{1,16}", text):
        raise Unparsed
    return {"millis": str(int(text) * scale)}


def _optional_time(text: str) -> Fields:
    found = _OPTIONAL_TIME.fullmatch(text)
    if not found:
        raise Unparsed
    return {place: value for place, value in zip(_PLACES, found.groups(), strict=True) if value is not None}


def _by_pattern(text: str, tokens: list[tuple[str, str]]) -> Fields:
    at, found = 0, {}
    for place, pattern in tokens:
        match = re.compile(pattern).match(text, at)
        if place == "y" and re.match(r"\d{5}", text[at:]) and (at, tokens[1:2]) != (0, [("M", r"\d\d")]):
            match = None  # a year takes all digits, unless digits must follow
        if not match:
            raise Unparsed(f"Text '{text}' could not be parsed at index {at}")
        at = match.end()
        if place:
            found[place] = match[0]
    if at < len(text):
        raise Unparsed(f"Text '{text}' could not be parsed, unparsed text found at index {at}")
    return found


def millis(text: str, format: str, *, up: bool = False) -> int:
    """`up`: a day without a time means its last moment, as the upper bounds of a range do. Raises ApiError."""
    failures = []
    for read in readers(format):
        try:
            return _moment(read(text), up)
        except ValueError as error:
            failures.append(error)
    if text[:1] in {"+", "-"}:
        raise not_here(f"dates with a sign, such as [{text}], are not supported")
    whole = f"failed to parse date field [{text}] with format [{format}]"
    reason = "Failed to parse with all enclosed parsers"
    if "||" not in format and format not in _SEVERAL:
        if not isinstance(failures[0], Unparsed):
            raise not_here(whole)
        reason = str(failures[0])
    raise illegal_argument(whole, cause=ApiError(400, "date_time_parse_exception", reason))


def _moment(fields: Fields, up: bool) -> int:
    if "millis" in fields:
        return int(fields["millis"])
    hour, minute, second, fraction = ("23", "59", "59", "999") if up else ("0", "0", "0", "0")
    micros = int(fields.get("S", fraction).ljust(6, "0")[:6])
    clock = int(fields.get("H", hour)), int(fields.get("m", minute)), int(fields.get("s", second))
    year, month, day = (int(fields.get(place, "1")) for place in "yMd")
    at = datetime(year, month, day, *clock, micros, tzinfo=timezone.utc)
    return int((at - _zone(fields.get("zone", "Z")) - _EPOCH) // timedelta(milliseconds=1))


def _zone(text: str) -> timedelta:
    if text == "Z":
        return timedelta()
    minutes = int(text[1:3]) * 60 + int(text[-2:] if len(text) > 3 else "0")
    return timedelta(minutes=minutes if text[0] == "+" else -minutes)
