"""What a preview means for the embedding model: its key, its address, what it embeds, who may be called. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from ops.digest import EMBEDDING, Step, Values
from ops.sentences import Sentence, alarm, code, escaped, plain

STEP_SIZE = "input_docs_processed_step_size"
PROVED = "no interruption, proved before use"


def model_change(steps: Sequence[Step]) -> str:
    """Returns why the vectors of documents change with the model; empty where they do not."""
    model = _document_model(steps)
    if model is None or model.op != "replace" or "space" not in model.changed:
        return ""
    (old, before), (new, after) = (_named(values) for values in (model.old, model.new))
    if old == new and before == after:
        return "documents are embedded in another way (their prefix, input type or request)"
    length = f"{before} → {after} numbers" if before != after else f"{after} numbers as before"
    return f"another embedding model ({length if old == new else f'{code(old)} → {code(new)}, {length}'})"


def embedding_sentences(steps: Sequence[Step]) -> list[Sentence]:
    """Returns what happens to the embedding model."""
    model = _document_model(steps)
    if model and any(step.kind == EMBEDDING and step.op == "create" for step in steps):
        name, numbers = _named(model.new)
        return [plain(f"{code(name)}, {numbers} numbers, is tested with one text before anything uses it")]
    changes = bool(model_change(steps))
    told = (tell(step, changes) for step in steps for kind, tell in TELL if step.kind == kind and not _is_edited(step))
    return [*chain.from_iterable(told), *(_repaired(step) for step in steps if _is_edited(step))]


def _is_edited(step: Step) -> bool:
    return step.drifted and step.op in ("update", "replace") and not step.problems


def _repaired(step: Step) -> Sentence:
    return plain(f"drift repaired: {code(step.name)} was changed by somebody, and is as declared again")


def trust_warnings(steps: Sequence[Step]) -> Iterator[Sentence]:
    """Yields how PolarSearch may call more than it did."""
    for step in steps:
        if step.kind == "TrustedEndpoint" and step.op != "delete":
            pattern = str(step.new.get("pattern", ""))
            if pattern != step.old.get("pattern") and not is_one_address(pattern):
                yield alarm(f"trust is widened: PolarSearch may call every address that matches {code(pattern)}")
            if step.new.get("private") and not step.old.get("private"):
                yield alarm("trust is widened: the whole cluster may call private addresses")


def is_one_address(pattern: str) -> bool:
    """Tells whether a pattern matches one address alone."""
    return pattern == f"^{re.escape(_address(pattern))}$"


def _address(pattern: str) -> str:
    """Returns the address that a pattern of one address matches."""
    return re.sub(r"\\(.)", r"\1", pattern[1:-1])


def _document_model(steps: Sequence[Step]) -> Step | None:
    return next((step for step in steps if step.kind == "Model" and not _is_of_queries(step)), None)


def _named(values: Values) -> tuple[str, Any]:
    """Returns a model's name, which its description begins with, and its dimension."""
    return str(values.get("description", "")).rpartition(", ")[0], values.get("dimension")


def _is_of_queries(step: Step) -> bool:
    return step.name.endswith(("-query-connector", "-query-model"))


def _connector(step: Step, model_changes: bool) -> Iterator[Sentence]:
    """Yields what changes of the call; that it asks for another model is said with the model."""
    if step.op == "replace":
        whose = "the queries' API key" if _is_of_queries(step) else "the API key"
        told = [f"{whose} changes"] if "credential" in step.changed else []
        told += [_request(step)] if "actions" in step.changed and (_urls(step) or not model_changes) else []
        told += ["another batch size"] if any(path.endswith(STEP_SIZE) for path in step.paths) else []
        told += [f"another `{name}`" for name in ("client_config", "protocol") if name in step.changed]
        told += ["other parameters of the request"] if not told and not model_changes else []
        yield from (plain(f"{each}: {PROVED}") for each in told)
    elif _is_of_queries(step):
        whose = "a model of their own" if step.op == "create" else "the model of documents"
        yield plain(f"queries are embedded by {whose} from now on")
    elif step.op == "create":
        yield plain("drift repaired: the connector is gone, and made again")


def _request(step: Step) -> str:
    urls = _urls(step)
    return f"the URL changes ({code(urls[0])} → {code(urls[1])})" if urls else "the request changes"


def _urls(step: Step) -> list[str]:
    """Returns the former address and the new one, where they differ."""
    actions = [values.get("actions") for values in (step.old, step.new)]
    urls = [str(found[0].get("url")) for found in actions if isinstance(found, list) and found]
    return urls if len(set(urls)) > 1 else []


def _model(step: Step, model_changes: bool) -> Iterator[Sentence]:
    if step.problems:
        yield from (plain(f"drift repaired: {escaped(problem)}") for problem in step.problems)
    elif step.is_made_again:
        yield plain("drift repaired: the model is gone, and made again")
    elif step.op == "replace" and not _is_of_queries(step):
        name, numbers = _named(step.new)
        yield plain(f"{code(name)}, {numbers} numbers, beside the former model until no collection uses that")


def _endpoint(step: Step, model_changes: bool) -> Iterator[Sentence]:
    pattern = str(step.new.get("pattern", ""))
    if step.is_made_again:
        yield plain("drift repaired: the trusted endpoint is gone, and trusted again")
    if step.op == "replace" and is_one_address(pattern):
        yield plain(f"PolarSearch may call {code(_address(pattern))}, and no more what it might before")
    if step.op == "update" and step.old.get("private") and not step.new.get("private"):
        yield plain("private addresses are refused again, as they were before")


TELL = (("Connector", _connector), ("Model", _model), ("TrustedEndpoint", _endpoint))
