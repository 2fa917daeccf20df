"""The processor `script`, for the scripts that are known: by the SHA-256 of the source, what Painless does with it.

Of conditions of processors one is understood: that a field holds nothing but white space.

The sandbox has no Painless. A known script is one of the project's own ingest pipelines; any other is refused by name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.polarsearch.errors import not_here
from sandbox.polarsearch.texts import is_blank

Source = dict[str, Any]
Params = Mapping[str, Any]
_CONTROLS = "".join(map(chr, range(33)))


def _join(params: Params, source: Source) -> None:
    values = zip(params["labels"], (_value(source, name) for name in params["fields"]), strict=True)
    parts = [label + value for label, value in values if value is not None and not is_blank(value)]
    text = params["separator"].join(parts)
    if _cut(text, params["bytes"]) != text:
        text = _cut(text.strip(_CONTROLS), params["bytes"])
    source.pop(params["text"], None)
    if text:
        source[params["text"]] = text


def _value(source: Any, name: str) -> str | None:
    head, _, rest = name.partition(".")
    if name not in source and isinstance(source.get(head), dict) and rest:
        return _value(source[head], rest)
    value = source.get(name)
    if not isinstance(value, (str, type(None))):
        raise not_here(f"[{name}] can only be a text")
    return value


def _cut(text: str, most: int) -> str:
    return text.encode(errors="surrogatepass")[:most].decode(errors="ignore")


def _split(params: Params, source: Source) -> None:
    chunks = source[params["passages"]] or ([source[params["text"]]] if params["text"] in source else [])
    pieces = (piece for chunk in chunks for piece in _pieces(chunk, params["bytes"]) if not is_blank(piece))
    passages = [piece for piece, _ in zip(pieces, range(params["most"]), strict=False)]
    source.pop(params["passages"])
    if passages:
        source[params["passages"]] = passages


def _pieces(text: str, most: int) -> list[str]:
    pieces = []
    while text:
        pieces.append(_cut(text, most))
        text = text[len(pieces[-1]) :]
    return pieces


def _beside(params: Params, source: Source) -> None:
    if params["passages"] in source:
        pairs = zip(source[params["vector"]], source[params["passages"]], strict=True)
        source[params["vector"]] = [{"knn": each["knn"], "text": text} for each, text in pairs]


KNOWN: Mapping[str, Callable[[Params, Source], None]] = {
    "12beef01216210d0": _join,
    "ca8fa84aa3dc5acb": _split,
    "9c1deed06ad57ba7": _beside,
}


def act(config: dict[str, Any], source: Source) -> None:
    """What the script does to a document."""
    known(config)(config["params"], source)


def known(config: dict[str, Any]) -> Callable[[Params, Source], None]:
    """What a script does. Raises for one that is not known."""
    digest = hashlib.sha256(str(config.get("source")).encode()).hexdigest()[:16]
    if digest not in KNOWN:
        raise not_here(f"the script [{digest}] is not supported", "script_exception")
    return KNOWN[digest]


_PATH = r"ctx\['(?P<first>[^']*)'\](?P<inner>(?:\?\.get\('[^']*'\))*)"
_BLANK = re.compile(_PATH + r" instanceof String && (?P<again>.*)\.chars\(\)\.allMatch\(Character::isWhitespace\)")


def holds(condition: str, document: Mapping[str, Any]) -> bool:
    """Whether the condition holds for a document."""
    value: Any = document
    for name in looked_at(condition):
        value = value.get(name) if isinstance(value, dict) else None
    return isinstance(value, str) and is_blank(value)


def looked_at(condition: str) -> list[str]:
    """The path of the field that a condition is about. Raises for one that is not understood."""
    found = _BLANK.fullmatch(condition)
    path = found and f"ctx['{found['first']}']{found['inner']}"
    if not found or found["again"] != path:
        raise not_here(f"the condition [{condition}] is not supported", "script_exception")
    return [found["first"], *re.findall(r"\('([^']*)'\)", found["inner"])]
