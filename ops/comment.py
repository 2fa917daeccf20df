"""A plan as Markdown for a comment in a pull request: a line for each change, and the details folded. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ops.changes import Change
from ops.digest import HIDDEN, Digest, Step, Values, is_known
from ops.sentences import FOLLOWS, code
from providers.kit import pluralize

LIMIT = 65_000
"""Characters of a comment: GitHub takes 65,536, and a workflow marks it as its own."""

SECRET = "[secret]"
NOBODY = "No service was asked: rows and what embedding them takes are told by `--ask`."


def comment(digest: Digest, changes: Sequence[Change], *, asked: bool) -> str:
    """Returns the comment."""
    heading = f"### `pulumi up` of stack {code(digest.stack)}"
    if not changes:
        return f"{heading}\n\nNothing changes.\n"
    lines, alarms = [_line(change) for change in changes], list(_alarms(changes))
    warned = ["> [!WARNING]", *_fitting(alarms, LIMIT // 4), ""] if alarms else []
    whole = [heading, "", *_fitting(lines, LIMIT // 2), "", *warned, *([] if asked else [NOBODY, ""])]
    return "\n".join([*whole, *_folded(changes, LIMIT - len("\n".join(whole)))]) + "\n"


def _line(change: Change) -> str:
    sign = "⚠️ " if any(sentence.warns for sentence in change.sentences) else ""
    told = "; ".join(sentence.text for sentence in change.sentences)
    return f"- {sign}**{code(change.subject)}**{_joined(told)}"


def _alarms(changes: Sequence[Change]) -> Iterator[str]:
    for change in changes:
        yield from (f"> - {code(change.subject)}{_joined(each.text)}" for each in change.sentences if each.warns)


def _joined(text: str) -> str:
    """Returns what stands after a subject: a sentence that has it as its own, or one after a colon."""
    return f" {text}" if text.startswith("is ") else f": {text}"


def _folded(changes: Sequence[Change], room: int) -> list[str]:
    """Returns the details of every resource, as many as there is room for."""
    count = sum(len(change.steps) for change in changes)
    frame = [f"<details><summary>{pluralize(count, 'resource')}</summary>", "", "", "</details>"]
    lines = [line for change in changes for line in _details(change)]
    return [*frame[:2], *_fitting(lines, room - len("\n".join(frame))), *frame[2:]]


def _fitting(lines: Sequence[str], room: int) -> list[str]:
    """Returns the first lines that fit, and how many more there are."""
    kept: list[str] = []
    used = len("… and 1,000,000 more lines")
    for line in lines:
        used += len(line) + 1
        if used > room:
            return [*kept, f"… and {pluralize(len(lines) - len(kept), 'more line')}"]
        kept.append(line)
    return kept


def _details(change: Change) -> Iterator[str]:
    for step in change.steps:
        yield f"- {step.op} {code(step.name)}{_properties(step)}"


def _properties(step: Step) -> str:
    told = [_property(step, path) for path in step.paths if path.split(".")[0].split("[")[0] not in HIDDEN]
    return f": {', '.join(told)}" if told else ""


def _property(step: Step, path: str) -> str:
    old, new = _at(step.old, path), _at(step.new, path)
    if SECRET in (old, new):
        return f"{code(path)} (secret)"
    if not (is_known(old) and is_known(new)):
        return f"{code(path)} ({FOLLOWS})"
    return f"{code(path)} {_shown(old)} → {_shown(new)}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else code(value)


def _at(values: Values, path: str) -> Any:
    """Returns what is at a path such as `vectors.my_vector.dimension` or `weights[0]`; None where nothing is.

    A name in it may have dots itself.
    """
    if not path:
        return values
    if isinstance(values, list):
        place, _, rest = path.removeprefix("[").partition("]")
        found = values[int(place)] if place.isdigit() and int(place) < len(values) else None
        return _at(found, rest.removeprefix("."))
    if not isinstance(values, dict):
        return None
    for name in sorted(values, key=len, reverse=True):
        if path == name or path.startswith((f"{name}.", f"{name}[")):
            return _at(values[name], path[len(name) :].removeprefix("."))
    return None
