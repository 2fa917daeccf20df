"""Dates by the formats of a mapping: what a text means in milliseconds."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from sandbox.polarsearch.errors import not_here

DEFAULT = "strict_date_optional_time||epoch_millis"
_ZONE = r"(?P<zone>Z|[+-]\d\d:?\d\d)"
_NAMED = {
    "epoch_millis": r"(?P<millis>-?\d{1,16})",
    "epoch_second": r"(?P<seconds>-?\d{1,13})",
    "strict_date_optional_time": (
        r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)(T((?P<hour>\d\d)(:(?P<minute>\d\d)(:(?P<second>\d\d)"
        rf"([.,](?P<fraction>\d{{1,9}}))?)?)?{_ZONE}?)?)?)?)?"
    ),
}
_LETTERS = {"yyyy": r"(?P<year>\d{4})", "MM": r"(?P<month>\d\d)", "dd": r"(?P<day>\d\d)", "HH": r"(?P<hour>\d\d)",
            "mm": r"(?P<minute>\d\d)", "ss": r"(?P<second>\d\d)", "SSS": r"(?P<fraction>\d{3})"}  # fmt: skip
_PARTS = re.compile(r"'[^']*'|([A-Za-z])\1*|[^A-Za-z']")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def patterns(format: str) -> list[str]:
    """A regular expression for each of the formats between `||`. Raises for a format the sandbox does not know."""
    return [_NAMED[each] if each in _NAMED else _by_letters(each) for each in format.split("||")]


def _by_letters(format: str) -> str:
    parts = [part[0] for part in _PARTS.finditer(format)]
    if any(part.isalpha() and part not in _LETTERS for part in parts) or "yyyy" not in parts:
        raise not_here(f"date format [{format}] is not supported", "mapper_parsing_exception")
    return "".join(_LETTERS.get(part) or re.escape(part.strip("'")) for part in parts)


def millis(text: str, format: str, *, up: bool = False) -> int:
    """`up`: a day without a time means its last moment, as the upper bounds of a range do. Raises ValueError."""
    for pattern in patterns(format):
        if found := re.fullmatch(pattern, text):
            return _moment({name: value for name, value in found.groupdict().items() if value is not None}, up)
    raise ValueError(f"failed to parse date field [{text}] with format [{format}]")


def _moment(parts: dict[str, str], up: bool) -> int:
    if "year" not in parts:
        return int(parts["millis"]) if "millis" in parts else 1000 * int(parts["seconds"])
    hour, minute, second, fraction = ("23", "59", "59", "999") if up else ("0", "0", "0", "0")
    micros = int(parts.get("fraction", fraction).ljust(6, "0")[:6])
    clock = int(parts.get("hour", hour)), int(parts.get("minute", minute)), int(parts.get("second", second))
    year, month, day = (int(parts.get(name, "1")) for name in ("year", "month", "day"))
    at = datetime(year, month, day, *clock, micros, tzinfo=timezone.utc)
    return int((at - _zone(parts.get("zone", "Z")) - _EPOCH) // timedelta(milliseconds=1))


def _zone(text: str) -> timedelta:
    if text == "Z":
        return timedelta()
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timedelta(minutes=minutes if text[0] == "+" else -minutes)
