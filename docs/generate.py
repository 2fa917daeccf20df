"""Writes the parts of docs/ that the code knows: `python -m docs.generate`; `make docs` does so first.

A page for each kind is made from its docstrings and inputs. In other pages, a comment such as `<!-- terminal: name -->`
names the file that the block after it quotes.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

import providers
from providers.connection import Connection
from providers.kit import Inputs, Resource

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SOURCES = {"terminal": DOCS / "terminal", "plan": ROOT / "tests" / "ops" / "golden"}
QUOTED = re.compile(r"<!-- (terminal|plan): ([\w-]+) -->\n```text\n.*?```\n", re.DOTALL)


def main() -> None:
    """Writes every page that is not current."""
    for path, text in pages():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


def pages() -> Iterator[tuple[Path, str]]:
    """Yields each page that the code knows, with its text."""
    yield DOCS / "kinds" / "index.md", index_page()
    yield DOCS / "kinds" / "connection.md", connection_page()
    for resource in resources():
        yield DOCS / "kinds" / f"{_file(resource)}.md", kind_page(resource)
    for path in (DOCS / "what-happens.md", DOCS / "production.md", DOCS / "production.zh.md"):
        yield path, QUOTED.sub(_quoted, path.read_text())


def resources() -> list[type[Resource]]:
    """Returns every kind of resource, by name."""
    for module in pkgutil.iter_modules(providers.__path__, "providers."):
        importlib.import_module(module.name)
    return sorted(Resource.__subclasses__(), key=lambda resource: resource.__name__)


def index_page() -> str:
    """Returns the list of the kinds."""
    listed = [("Connection", "connection", _summary(Connection))]
    listed += [(each.__name__, _file(each), _summary(each)) for each in resources()]
    rows = [f"| [{name}]({file}.md) | {summary} |" for name, file, summary in listed]
    return "\n".join(["# Kinds", "", _GENERATED, "", "| kind | what |", "|---|---|", *rows, ""])


def kind_page(resource: type[Resource]) -> str:
    """Returns the page of a kind."""
    inputs, state = resource.kind.inputs_type, resource.kind.state_type
    declared = {name: field for name, field in inputs.model_fields.items() if name != "owner"}
    computed = {name: field for name, field in state.model_fields.items() if name not in inputs.model_fields}
    properties = next(each for each in inputs.__mro__ if each.__name__ == f"{resource.__name__}Properties")
    blocks = [
        f"# {resource.__name__}",
        _GENERATED,
        _module_text(resource),
        f"Type `pulumi-python:{resource._resource_type_name}`. {_text(resource)}",
        "## Example",
        _example(resource),
        "## Inputs",
        _text(properties),
        inputs_table(inputs, declared),
    ]
    return "\n\n".join([*blocks, *_parts(declared), *_outputs(computed)]) + "\n"


def connection_page() -> str:
    """Returns the page of the explicit provider, whose inputs are its parameters."""
    parameters = inspect.signature(Connection.__init__).parameters.values()
    named = [each for each in parameters if each.kind is each.KEYWORD_ONLY and each.name != "opts"]
    rows = [_connection_row(each, each.name.endswith("_password")) for each in named]
    table = "\n".join(["| input | type | default | secret |", "|---|---|---|---|", *rows])
    about = [_GENERATED, _module_text(Connection), _text(Connection)]
    return "\n\n".join(["# Connection", *about, "## Example", _example(Connection), "## Inputs", table]) + "\n"


def inputs_table(inputs: type[Inputs], fields: Mapping[str, FieldInfo]) -> str:
    """Returns the inputs: type, default, what a change does, and whether it is encrypted."""
    rows = []
    for name, field in fields.items():
        change = "replaces" if name in inputs.immutable() else "in place"
        secret = "yes" if name in inputs.secret() else ""
        rows.append(f"| `{name}` | {_code(shown(field.annotation))} | {default(field)} | {change} | {secret} |")
    return "\n".join(["| input | type | default | a change | secret |", "|---|---|---|---|---|", *rows])


def shown(annotation: Any) -> str:
    """Returns a type as a person writes it, without what validates it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shown(arguments[0])
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin in (Union, types.UnionType):
        return " or ".join("None" if each is type(None) else shown(each) for each in arguments)
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(shown, arguments))}]"
    return getattr(annotation, "__name__", str(annotation))


def default(field: FieldInfo) -> str:
    """Returns the default of a property, or that there is none."""
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return f"`{value!r}`"


def _connection_row(parameter: inspect.Parameter, secret: bool) -> str:
    type = re.sub(r"Input\[(\w+)\]", r"\1", str(parameter.annotation)).replace(" | ", " or ")
    without = parameter.default is inspect.Parameter.empty
    value = "required" if without else f"`{parameter.default!r}`"
    return f"| `{parameter.name}` | {_code(type)} | {value} | {'yes' if secret else ''} |"


def _parts(fields: Mapping[str, FieldInfo]) -> list[str]:
    """Returns a table for each model that stands inside of an input."""
    blocks = []
    for model in dict.fromkeys(each for field in fields.values() for each in _models(field.annotation)):
        rows = [
            f"| `{name}` | {_code(shown(field.annotation))} | {default(field)} |"
            for name, field in model.model_fields.items()
        ]
        table = "\n".join(["| key | type | default |", "|---|---|---|", *rows])
        blocks += [f"### {model.__name__}", _text(model), table]
    return blocks


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models(each)


def _outputs(fields: Mapping[str, FieldInfo]) -> list[str]:
    rows = [f"| `{name}` | {_code(shown(field.annotation))} |" for name, field in fields.items()]
    if not rows:
        return []
    return ["## Outputs", "Besides the inputs:", "\n".join(["| output | type |", "|---|---|", *rows])]


def _quoted(found: re.Match[str]) -> str:
    kind, name = found[1], found[2]
    text = (SOURCES[kind] / f"{name}{'.md' if kind == 'plan' else '.txt'}").read_text()
    return f"<!-- {kind}: {name} -->\n```text\n{_plan(text) if kind == 'plan' else text.rstrip()}\n```\n"


def _plan(text: str) -> str:
    """Returns the lines of a plan that say what a change does."""
    lines = text.partition("<details>")[0].splitlines()
    return "\n".join(line for line in lines if line.startswith(("- ", "Nothing", "the preview failed")))


def _file(resource: type) -> str:
    """Returns the name of a kind's page; that of Index has another, since index.md is the list."""
    name = resource.__module__.rpartition(".")[2]
    return "index_" if name == "index" else name


def _module_text(resource: type) -> str:
    text = (inspect.getmodule(resource).__doc__ or "").strip()
    return text.partition(": ")[2][:1].upper() + text.partition(": ")[2][1:]


def _summary(resource: type) -> str:
    return " ".join(_module_text(resource).split("\n\n")[0].split())


def _text(of: type) -> str:
    return (inspect.getdoc(of) or "").partition("Example:")[0].strip()


def _example(resource: type) -> str:
    example = inspect.cleandoc((inspect.getdoc(resource) or "").partition("Example:\n")[2])
    return f"```python\n{example}\n```"


def _code(text: str) -> str:
    return f"`{text}`"


_GENERATED = "<!-- `python -m docs.generate` writes this page. -->"

if __name__ == "__main__":
    main()
