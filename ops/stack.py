"""A stack as an operator reads it: its configuration, outputs and state, through the pulumi CLI.

The backend and the secrets provider are the CLI's business; a password in the environment wins, as in the providers.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from pulumi.runtime.settings import Settings as Runtime
from pulumi.runtime.settings import configure

from components.checkpoint import Resources
from components.configuration import BLOCKS
from components.settings import EMBEDDING_SECRETS, SECRETS, Collection, Embedding, Settings
from components.validation import parse
from components.wiring import StackWiring
from providers.services import Connections
from providers.services.connections import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[1]
COMPONENT = "polardb:semanticsearch:SemanticSearchStack"
DEFAULT_NAME = "search"
"""What `__main__.py` calls its SemanticSearchStack; state says what another program calls it."""

Json = dict[str, Any]


class Stopped(Exception):
    """The command cannot look; the message is one line that says what to do."""


@dataclass(frozen=True)
class Pulumi:
    """The CLI, on one stack or on the selected one."""

    program: str
    stack: str | None = None

    def read(self, *args: str) -> Any:
        """Returns what a command prints as JSON. Raises Stopped."""
        return json.loads(self.text(*args) or "null")

    def text(self, *args: str) -> str:
        """Returns what a command prints. Raises Stopped with its error and what to do."""
        on = ["--stack", self.stack] if self.stack else []
        done = subprocess.run([self.program, *args, *on, "--non-interactive"], capture_output=True, text=True)
        if done.returncode:
            raise Stopped(f"pulumi {' '.join(args)}: {advised(done.stderr or done.stdout)}")
        return done.stdout


ADVICE = {
    "no stack selected": "name one with --stack, or select one: `pulumi stack select`",
    "no stack named": "see `pulumi stack ls`; a new one is made by `pulumi stack init`",
    "no Pulumi.yaml": "run this in the project's folder",
    "passphrase": "set PULUMI_CONFIG_PASSPHRASE to the stack's",
    "PULUMI_ACCESS_TOKEN": "log in to the backend of the stack: `pulumi login`",
}
"""What to do about an error of the CLI's, by a part of its text."""


def advised(error: str) -> str:
    """Returns an error of the CLI's on one line, with what to do."""
    lines = [line.removeprefix("error: ") for line in error.strip().splitlines() if line.strip()]
    reason = (lines or ["no reason given"])[0].split("; please")[0].split(" (searching")[0]
    fix = next((fix for text, fix in ADVICE.items() if text in error), "")
    return f"{reason}; {fix}" if fix else reason


def find_pulumi() -> str:
    """Returns the CLI on PATH or, where there is none, this repository's own. Raises Stopped."""
    if found := shutil.which("pulumi"):
        return found
    done = subprocess.run([sys.executable, "-m", "engine"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise Stopped((done.stderr.strip().splitlines() or ["no pulumi"])[-1] + "; put pulumi on PATH")
    return done.stdout.strip()


@dataclass(frozen=True)
class Stack:
    """A stack: `config` as `pulumi config --json --show-secrets` prints it, and what is asked for when it is needed."""

    cli: Pulumi
    name: str
    config: Mapping[str, Any]
    environment: Mapping[str, str]

    @classmethod
    def open(cls, name: str | None, environment: Mapping[str, str] = os.environ) -> Stack:
        """Reads the configuration; what the components name follows from the stack from now on. Raises Stopped."""
        cli = Pulumi(find_pulumi(), name)
        shown = name.rpartition("/")[2] if name else cli.text("stack", "--show-name").strip()
        stack = cls(cli, shown, cli.read("config", "--json", "--show-secrets") or {}, environment)
        configure(Runtime(project=stack.project, stack=stack.name))
        return stack

    @property
    def project(self) -> str:
        """The project, which is the namespace of its configuration."""
        named = (key.rpartition(":")[0] for key in self.config if key.rpartition(":")[2] in (*BLOCKS, *SECRETS))
        return next(named, "")

    @cached_property
    def settings(self) -> Settings:
        """The configuration, checked. Raises SettingsError with every mistake."""
        blocks = {name: json.loads(text) if (text := self._value(name)) else None for name in BLOCKS}
        written = [name for name in SECRETS if self._value(name)]
        unencrypted = [name for name in written if not self._entry(name).get("secret")]
        keys = {name: self._value(name) for name in EMBEDDING_SECRETS if name in written}
        return parse(blocks, keys=keys, open_secrets=unencrypted)

    @cached_property
    def embedding(self) -> Embedding:
        """The embedding model, with its keys."""
        keys = {key: value for name, key in EMBEDDING_SECRETS.items() if (value := self._value(name))}
        return self.settings.embedding.model_copy(update=keys)

    @property
    def collections(self) -> list[Collection]:
        """The collections."""
        return self.settings.collections

    @cached_property
    def wiring(self) -> StackWiring:
        """What the stack's resources are called and declared as."""
        return StackWiring(component_name(self.resources), self.embedding, self.collections)

    def connections(self, report: Callable[[str], None]) -> Connections:
        """Returns the services; `report` is called with what is asked again, and why."""
        places = self.settings.connection.model_dump(exclude_none=True)
        passwords = {"search_password": self._value("searchPassword")}
        passwords["database_password"] = self._value("databasePassword")
        return Connections({**places, **passwords}.get, self.environment, report=report)

    @cached_property
    def resources(self) -> Sequence[Json]:
        """The resources in state; none before the first `up`."""
        return list(self.cli.read("stack", "export")["deployment"].get("resources") or [])

    @cached_property
    def outputs(self) -> Json:
        """The outputs of the last `up`. Raises Stopped where there are none."""
        if not self.is_up:
            raise Stopped(f"stack {self.name} has no outputs: run `pulumi up` first")
        return self._outputs

    @property
    def is_up(self) -> bool:
        """Whether an `up` has ended."""
        return "collections" in self._outputs

    @cached_property
    def _outputs(self) -> Json:
        outputs: Json = self.cli.read("stack", "output", "--json", "--show-secrets") or {}
        return outputs

    def configure(self, blocks: Mapping[str, Any]) -> None:
        """Writes blocks of the configuration, by their paths; a block that is there goes first. Raises Stopped."""
        places = {f"{self.project}:{path}": block for path, block in blocks.items()}
        for place in places:
            self.cli.text("config", "rm", "--path", place)
        values = chain.from_iterable(leaves(place, block) for place, block in places.items())
        self.cli.text("config", "set-all", "--path", *chain.from_iterable(("--plaintext", each) for each in values))

    @property
    def state(self) -> Resources:
        """The resources in state, by URN."""
        return {each["urn"]: each for each in self.resources}

    def secrets(self) -> list[str]:
        """Returns what is never printed."""
        stored = [value for name in SECRETS if (value := self._value(name))]
        won = [self.environment.get(name, "") for name in ENVIRONMENT.values()]
        return [*stored, *filter(None, won)]

    def _entry(self, name: str) -> Mapping[str, Any]:
        entry: Mapping[str, Any] = self.config.get(f"{self.project}:{name}", {})
        return entry

    def _value(self, name: str) -> str:
        return str(self._entry(name).get("value") or "")


def leaves(path: str, value: Any) -> Iterator[str]:
    """Yields `path=value` for each value inside of an object, as `pulumi config set-all --path` takes them."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from leaves(f"{path}[{json.dumps(key)}]", each)
    else:
        yield f"{path}={value}"


def component_name(resources: Sequence[Mapping[str, Any]]) -> str:
    """Returns the name of the SemanticSearchStack in state."""
    return next(_components(resources), DEFAULT_NAME)


def _components(resources: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in resources:
        if each["type"] == COMPONENT:
            yield each["urn"].rpartition("::")[2]


def to_stderr(line: str) -> None:
    """Prints a line of progress."""
    if line:
        print(line, file=sys.stderr, flush=True)
