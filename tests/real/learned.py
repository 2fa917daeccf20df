"""From what a real OpenSearch answered to the table that ships: forms, defaults, and what may change in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from providers.services.mappings import FORMS, STRUCTURE, canonical
from tests.real.parameters import BASES

Answers = Sequence[Mapping[str, Any]]


def table(recording: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the table. A kind with a comma in its name is a type beside another parameter: it has no row."""
    types = {
        kind: {
            name: completed(row(**answers), recording["plain"][kind].get(name), BASES[kind].get(name))
            for name, answers in kinds.items()
            if name not in STRUCTURE
        }
        for kind, kinds in recording["types"].items()
        if "," not in kind
    }
    return {"version": recording["version"], "types": types, **settings(recording["settings"])}


def row(values: Answers, changes: Answers) -> dict[str, Any]:
    """Returns what is known of a parameter."""
    taken = [value for value in values if "refused" not in value]
    form = max(FORMS, key=lambda name: (sum(fits(name, value) for value in taken), -len(unseen(name, taken))))
    others = [[value["value"], written(value)] for value in taken if not fits(form, value)]
    found = {"form": form, "dropped": dropped(form, values), "others": others, "changes": allowed(changes)}
    return {name: value for name, value in found.items() if value != []}


def completed(known: dict[str, Any], plain: Any, needed: Any) -> dict[str, Any]:
    """Returns a row in which what is shown of a field that does not declare it is dropped too."""
    if plain is None or needed is not None:
        return known
    return {**known, "dropped": [*known.get("dropped", []), plain]}


def fits(form: str, value: Mapping[str, Any]) -> bool:
    """Tells whether a value is shown as the form has it, or not at all; an object may be completed."""
    return "shown" not in value or canonical(FORMS[form](value["value"])) == canonical(FORMS[form](written(value)))


def written(value: Mapping[str, Any]) -> Any:
    """Returns what is shown of a value, without what an object is completed with."""
    shown, declared = value["shown"], value["value"]
    if not (isinstance(shown, Mapping) and isinstance(declared, Mapping)):
        return shown
    return {name: item for name, item in shown.items() if name in declared}


def unseen(form: str, taken: Answers) -> dict[str, Any]:
    """Returns the values that are not shown, in their form."""
    return {canonical(each): each for each in (FORMS[form](value["value"]) for value in taken if "shown" not in value)}


def dropped(form: str, values: Answers) -> Any:
    """Returns the values that are not shown, in their form; `all` if none is, whatever it is."""
    different = unseen(form, [value for value in values if "refused" not in value])
    is_ignored = len(different) > 1 and all(value.keys() == {"value"} or value["value"] is None for value in values)
    return "all" if is_ignored else list(different.values())


def allowed(changes: Answers) -> Any:
    """Returns `any` if every change is made, `to a value` if all but to none, or the pairs that are."""
    made = [change for change in changes if change["result"] == "made"]
    if made and len(made) == len(changes):
        return "any"
    if made and made == [change for change in changes if "to" in change]:
        return "to a value"
    return [[change.get("from"), change.get("to")] for change in made]


def settings(recording: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that an open index may change, and the groups of such settings."""
    dynamic = [name for name, answer in recording["changes"].items() if answer == "made"]
    grouped = [name for name in dynamic if name in recording["grouped"]]
    groups = sorted({f"{name.rpartition('.')[0]}." for name in grouped})
    names = [name for name in dynamic if name not in grouped]
    return {"dynamic": dict.fromkeys(names, "") | recording["units"], "dynamic_groups": groups}
