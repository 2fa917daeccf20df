"""Plays the scenarios of scenarios.py on the installed engine; expected/ contains the recorded results.

A scene is `{"resources": [{"name", "kind"?: Thing|Component|Connection, "inputs", "opts"?}], "outputs": {…}}`.
In inputs `"${a.computed}"` is an output of `a`, `{"secret": x}` a secret. A step is preview, up, refresh or destroy;
its `world` edits the service behind the engine's back (properties to change by id, or null for a deleted object),
`kill_during` and `interrupt_during` send SIGKILL and SIGINT once that resource's create has begun.
"""

import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import engine as engines

HERE = Path(__file__).resolve().parent
SECRET = "4dabf18193072939515e22adb298388d"  # the key by which state marks a secret
KEPT = ("id", "custom", "delete", "protect", "retainOnDelete", "external", "initErrors", "ignoreChanges",
        "pendingReplacement")  # fmt: skip


@pytest.fixture(scope="session")
def engine():
    """Returns the engine; skips the test, with the reason, if there is none."""
    try:
        return engines.find(get=False)
    except engines.NoEngine as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def scenarios():
    """The scenarios: steps by name."""
    return runpy.run_path(str(HERE / "scenarios.py"))["SCENARIOS"]


@pytest.fixture
def stage(engine, tmp_path):
    """A new stack to play steps on."""
    return Stage(engine, tmp_path)


class Stage:
    """Plays one step with `play(step)`, and returns what happened, as in expected/, and the `output`."""

    def __init__(self, engine, folder):
        self.project, self.pulumi_path = folder / "project", str(engine.path)
        shutil.copytree(HERE / "project", self.project, ignore=shutil.ignore_patterns("__pycache__"))
        self.scene, self.world, self.log = folder / "scene.json", folder / "world.json", folder / "log.jsonl"
        places = {"SCENE": str(self.scene), "THING_WORLD": str(self.world), "THING_LOG": str(self.log)}
        python = Path(sys.executable)
        self.env = engines.environment(engine, folder, passphrase="scenarios", python=python) | places
        self.env["NO_COLOR"] = "1"
        made = self.pulumi("stack", "init", "test")
        assert made.returncode == 0, made.stdout + made.stderr

    def pulumi(self, *args):
        command = [self.pulumi_path, *args]
        return subprocess.run(command, cwd=self.project, env=self.env, capture_output=True, text=True, timeout=120)

    def play(self, step):
        self._prepare(step)
        flags = ["--parallel", "1", "--stack", "test", *(["--refresh"] if step.get("refresh") else [])]
        if step["do"] == "preview":
            done = self.pulumi("preview", "--json", *flags)
            digest = json.loads(done.stdout)
            shown = {"steps": list(map(step_shown, digest["steps"])), "summary": digest["changeSummary"]}
        else:
            done, shown = self._run([step["do"], "--yes", "--skip-preview", *flags], step), {}
        lines = [line.strip() for line in done.stdout.splitlines()]
        return {
            "do": step["do"],
            "ok": done.returncode == 0,
            **shown,
            "errors": sorted({line.removeprefix("error: ") for line in lines if line.startswith("error: ")}),
            "calls": self.calls(),
            "state": self.state(),
            "output": done.stdout,
        }

    def calls(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def state(self):
        deployment = json.loads(self.pulumi("stack", "export", "--stack", "test").stdout)["deployment"]
        pending = [
            {"type": each["type"], "urn": short(each["resource"]["urn"])}
            for each in deployment.get("pending_operations") or []
        ]
        resources = list(map(resource_shown, deployment.get("resources") or []))
        return {"resources": resources} | ({"pending": pending} if pending else {})

    def _prepare(self, step):
        if "scene" in step:
            self.scene.write_text(json.dumps(step["scene"]))
        for id_, change in step.get("world", {}).items():
            world = json.loads(self.world.read_text())
            world[id_] = None if change is None else world[id_] | change
            self.world.write_text(json.dumps({key: item for key, item in world.items() if item is not None}))
        self.log.write_text("")

    def _run(self, args, step):
        during = step.get("kill_during") or step.get("interrupt_during")
        return self._disturbed(args, step, during) if during else self.pulumi(*args)

    def _disturbed(self, args, step, during):
        kill = "kill_during" in step
        child = subprocess.Popen(
            [self.pulumi_path, *args], cwd=self.project, env=self.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self._await_create(during, child)
        if kill:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=60)
        if kill:
            self.pulumi("cancel", "--yes", "--stack", "test")
        return subprocess.CompletedProcess(args, child.returncode, out, "")

    def _await_create(self, name, child):
        deadline = time.monotonic() + 60
        while not any(call["call"] == "create" and call["props"]["name"] == name for call in self.calls()):
            assert child.poll() is None, child.communicate()
            assert time.monotonic() < deadline, f"{name} was not created within a minute"
            time.sleep(0.05)


def short(urn):
    """Returns a URN `urn:pulumi:stack::project::type$type::name` without stack and project."""
    return "::".join(urn.split("::")[2:]) if urn.startswith("urn:pulumi:") else urn


def tidy(value):
    """Returns the value with secrets as {"secret": true}, without pickles and prefixes of URNs."""
    if isinstance(value, dict):
        if SECRET in value:
            return {"secret": True}
        return {key: tidy(item) for key, item in value.items() if key != "__provider"}
    if isinstance(value, list):
        return [tidy(item) for item in value]
    return short(value) if isinstance(value, str) else value


def step_shown(row):
    kept = {key: tidy(row[key]) for key in ("diffReasons", "replaceReasons", "detailedDiff") if row.get(key)}
    return {"op": row["op"], "urn": short(row["urn"])} | kept


def resource_shown(entry):
    row = {"urn": short(entry["urn"])} | {key: entry[key] for key in KEPT if entry.get(key)}
    row |= {key: tidy(entry[key]) for key in ("inputs", "outputs") if entry.get(key)}
    if entry.get("parent"):
        row["parent"] = short(entry["parent"])
    row["dependencies"] = sorted(map(short, entry.get("dependencies") or []))
    by_property = entry.get("propertyDependencies") or {}
    row["propertyDependencies"] = {
        key: sorted(map(short, urns)) for key, urns in by_property.items() if urns and key != "__provider"
    }
    if entry.get("provider"):
        row["provider"] = short(entry["provider"].rsplit("::", 1)[0])
    if row["urn"].startswith("pulumi:providers:"):
        row.pop("id", None)
    return row
