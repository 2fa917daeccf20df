"""Between Pulumi's property values and a kind's models. Pure: what is invalid, changed and secret.

In a preview a value may be unknown: it is never invalid, and always counts as changed.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, TypeVar, cast
from urllib.parse import quote, quote_plus

from pulumi.output import contains_unknowns
from pydantic import TypeAdapter, ValidationError

from .kind import AnyKind
from .plan import Plan
from .properties import Inputs

Props = dict[str, Any]
M = TypeVar("M", bound=Inputs)


def validation_errors(inputs: type[Inputs], news: Props) -> list[str]:
    """Returns everything wrong with the inputs, a line each: `path: what is wrong`. An unknown value is not wrong."""
    try:
        inputs.model_validate(news)
    except ValidationError as error:
        return [format_error(e["loc"], e["msg"]) for e in error.errors() if not contains_unknowns(e["input"])]
    return []


def check(inputs: type[Inputs], news: Props) -> tuple[Props, list[str]]:
    """Returns the inputs in their normal form, or as they are with everything that is wrong with them."""
    if contains_unknowns(news):
        wrong = validation_errors(inputs, news)
        return (news if wrong else normalize(inputs, news)), wrong
    try:
        return inputs.model_validate(news).dumped(), []
    except ValidationError:
        return news, validation_errors(inputs, news)


def normalize(inputs: type[Inputs], news: Props) -> Props:
    """Returns the inputs with defaults and in their normal form; what is unknown stays as it is."""
    unknown = {name: news[name] for name in inputs.model_fields if contains_unknowns(news.get(name))}
    known = {name: _normal(inputs, name, news) for name in inputs.model_fields if name not in unknown}
    return {**{name: value for name, value in known.items() if value is not None}, **unknown}


def plan_change(kind: type[AnyKind], olds: Props, news: Props) -> Plan:
    """Returns the kind's plan, in which every unknown input counts as changed."""
    inputs = kind.inputs_type
    unknown = frozenset(name for name in inputs.model_fields if contains_unknowns(news.get(name)))
    known = {name: value for name, value in news.items() if name not in unknown}
    old = parse_state(inputs, olds)
    new = inputs.model_validate({**{name: olds.get(name) for name in unknown}, **known})
    plan = kind.plan(old, new)
    replaces = plan.replaces | (unknown & inputs.immutable())
    return Plan((plan.updates | unknown) - replaces, replaces)


def parse_state(model: type[M], olds: Props) -> M:
    """Returns what state says, even where nobody may declare it: a drifted or half-made object, an older rule."""
    try:
        return model.model_validate(olds)
    except ValidationError:
        return model.model_construct(**{name: _parse_property(model, name, olds) for name in model.model_fields})


def _parse_property(model: type[Inputs], name: str, olds: Props) -> Any:
    try:
        return _adapter(model, name).validate_python(olds[name])
    except (KeyError, ValidationError):
        return olds.get(name, model.model_fields[name].get_default(call_default_factory=True))


@cache
def _adapter(model: type[Inputs], name: str) -> TypeAdapter[Any]:
    field, annotated = model.model_fields[name], cast("Any", Annotated)
    parts: Any = (field.annotation, *field.metadata)
    return TypeAdapter(annotated[parts] if field.metadata else parts[0])


def _normal(inputs: type[Inputs], name: str, news: Props) -> Any:
    if name not in news:
        return inputs.model_fields[name].get_default(call_default_factory=True)
    adapter = _adapter(inputs, name)
    return adapter.dump_python(adapter.validate_python(news[name]), mode="json", exclude_none=True)


def format_error(place: tuple[int | str, ...], message: str) -> str:
    """Returns an error that pydantic found as `path: what is wrong`."""
    path = re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", ".".join(map(str, place)))
    what = message.removeprefix("Value error, ")
    return f"{path}: {what}" if path else what


def secrets(inputs: type[Inputs], props: Mapping[str, Any]) -> list[str]:
    """Returns every text inside the secret properties."""
    return [text for name in inputs.secret() for text in _texts(props.get(name))]


def hide(text: str, hidden: Iterable[str]) -> str:
    """Returns the text with every secret in it replaced, in each form that it travels in, the longest first."""
    forms = {form for secret in hidden if len(secret) > 3 for form in forms_of(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "[secret]")
    return text


def forms_of(secret: str) -> set[str]:
    """Returns a secret as it is, JSON-escaped, URL-encoded and, from UTF-8 and Latin-1, in base64."""
    escaped = {json.dumps(secret, ensure_ascii=ascii)[1:-1] for ascii in (True, False)}
    encoded = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    raw = (secret.encode(charset, "replace") for charset in ("utf-8", "latin-1"))
    based = {form for each in raw for form in (b64encode(each).decode(), urlsafe_b64encode(each).decode())}
    misread = {secret.encode().decode("latin-1")}
    return {secret} | escaped | encoded | based | {form.rstrip("=") for form in based} | misread


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
