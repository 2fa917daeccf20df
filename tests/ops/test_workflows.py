"""The steps of `.github/workflows`, run as they are written, on a stack that a real engine brings up on the sandbox.

What GitHub gives a step is given here: values of expressions, files for outputs, paths and summaries, and its API.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import STACK
from tests.ops.recorded import FOLDER

ROOT = FOLDER.parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


def workflow(name):
    return yaml.safe_load((WORKFLOWS / f"{name}.yml").read_text())


def jobs():
    for path in sorted(WORKFLOWS.iterdir()):
        for job, declared in workflow(path.stem)["jobs"].items():
            yield path.stem, job, declared


@dataclass
class Runner:
    """Runs the steps of a job as GitHub's runner does."""

    folder: Any
    environ: dict[str, str]
    values: dict[str, str]
    ran: list[tuple[str, str, str]] = field(default_factory=list)

    def run(self, name, job):
        """Returns the exit code of the first step that fails, or 0."""
        declared = workflow(name)["jobs"][job]
        assert workflow(name)["defaults"] == {"run": {"shell": "bash"}}
        for step in declared["steps"]:
            env = {**declared.get("env", {}), **step.get("env", {})}
            if "run" in step and (code := self._step(name, job, env, step)):
                return code
        return 0

    def _step(self, name, job, env, step):
        assert "${{" not in step["run"]  # no expression in a shell
        files = {each: self.folder / each for each in ("GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY")}
        for each in files.values():
            each.touch()
        paths = [*reversed(files["GITHUB_PATH"].read_text().split()), self.environ["PATH"]]
        given = {key: self._evaluated(str(value)) for key, value in env.items()}
        environ = {**self.environ, **{key: str(path) for key, path in files.items()}, **given}
        environ = {key: value for key, value in environ.items() if value} | {"PATH": os.pathsep.join(paths)}
        shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(shell, cwd=self.folder, env=environ, capture_output=True, text=True, timeout=400)
        self.ran.append((name, job, step["name"]))
        self.output = done.stdout + done.stderr
        assert "Traceback" not in self.output
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            key, _, value = line.partition("=")
            self.values[f"steps.{step.get('id')}.outputs.{key}"] = value
        files["GITHUB_OUTPUT"].write_text("")
        return done.returncode

    def _evaluated(self, text):
        """The test's stack stands in for those that the workflows name."""
        return STACK if text in ("staging", "prod") else EXPRESSION.sub(lambda found: self.values[found[1]], text)


class GitHub(ThreadingHTTPServer):
    """GitHub's API of the comments on pull request 7, with more than a page of other people's."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        other = {"user": {"type": "User"}, "body": "<!-- plan of stack test -->\nquoted"}
        self.comments = [{**other, "id": number} for number in range(150)]

    @property
    def ours(self):
        return [comment["body"] for comment in self.comments if comment["user"]["type"] == "Bot"]


class Answers(BaseHTTPRequestHandler):
    server: GitHub

    def do_GET(self):
        page = int(re.search(r"&page=(\d+)", self.path)[1])
        assert self.path.startswith("/repos/acme/search/issues/7/comments?per_page=100")
        self._answer(200, self.server.comments[100 * (page - 1) : 100 * page])

    def do_POST(self):
        assert self.path == "/repos/acme/search/issues/7/comments"
        self.server.comments.append({"id": 1000, "user": {"type": "Bot"}, **self._body()})
        self._answer(201, {})

    def do_PATCH(self):
        assert self.path == "/repos/acme/search/issues/comments/1000"
        self.server.comments[-1].update(self._body())
        self._answer(200, {})

    def _body(self):
        assert self.headers["authorization"] == "Bearer token-0123456789"
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def _answer(self, code, body):
        written = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("content-length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, *args):
        pass


@pytest.fixture
def github():
    server = GitHub()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def runner(project, github):
    """A runner in a checkout, which is the folder of the project."""
    for name in ("Makefile", "requirements.lock", "engine", "policies", ".github"):
        (project.folder / name).symlink_to(ROOT / name)
    values = {
        "github.event.number": "7",
        "github.token": "token-0123456789",
        "matrix.stack": STACK,
        "vars.PULUMI_BACKEND_URL": project.environ["PULUMI_BACKEND_URL"],
        "secrets.PULUMI_CONFIG_PASSPHRASE": project.environ["PULUMI_CONFIG_PASSPHRASE"],
        "secrets.PULUMI_ACCESS_TOKEN": "",
    }
    given = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE")
    kept = {key: value for key, value in project.environ.items() if key not in given}
    api = {"GITHUB_API_URL": f"http://127.0.0.1:{github.server_port}", "GITHUB_REPOSITORY": "acme/search"}
    return Runner(project.folder, {**kept, **api}, values)


def test_a_pull_request_gets_one_comment_a_stack_that_is_updated_in_place(runner, project, github):
    project.up()
    project.collection(replicas=1)
    assert runner.run("preview", "preview") == 0, runner.output
    [first] = github.ours
    heading = "<!-- plan of stack test -->\n### `pulumi up` of stack `test`"
    assert first.startswith(f"{heading}\n\n- **`docs`**: in place: 1 replica\n")
    project.collection(shards=0)
    assert runner.run("preview", "preview") == 2
    [second] = github.ours
    assert "the preview failed: 1 mistake in the configuration" in second
    project.collection(shards=1, replicas=0)
    assert runner.run("preview", "preview") == 0, runner.output
    [third] = github.ours
    assert "Nothing changes." in third
    assert len(github.comments) == 151


def test_a_pull_request_that_breaks_a_policy_fails_and_says_which(runner, project):
    project.embedding(trusted_pattern="^http://127.*$")
    assert runner.run("preview", "preview") != 0
    assert runner.ran[-1] == ("preview", "preview", "Policies")
    refusal = "pattern ^http://127.*$ names no single host; write one such as ^https://host/.*$"
    assert refusal in runner.output
    assert refusal in (project.folder / "GITHUB_STEP_SUMMARY").read_text()


@pytest.mark.parametrize("job", ["staging", "prod"])
def test_a_merge_that_breaks_a_policy_changes_nothing(runner, project, world, job):
    project.embedding(trusted_pattern="^http://127.*$")
    assert runner.run("up", job) != 0
    assert "names no single host" in runner.output
    assert world.inventory()["aliases"] == []


@pytest.mark.parametrize("job", ["staging", "prod"])
def test_a_merge_brings_the_stack_up(runner, project, world, job):
    assert runner.run("up", job) == 0, runner.output
    assert world.inventory()["aliases"] == ["docs"]
    assert project.preview() == {}


def test_a_night_with_drift_fails_and_one_without_does_not(runner, project, world, eventually):
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    assert runner.run("drift", "drift") == 0, runner.output
    world.search("PUT", f"/_ingest/pipeline/{project.outputs()['collections']['docs']['index']}", {"processors": []})
    assert runner.run("drift", "drift") == 1
    assert "the ingest pipeline was changed by somebody" in (project.folder / "GITHUB_STEP_SUMMARY").read_text()
    assert project.preview() == {}  # it has changed nothing, not even the state


def test_every_push_is_checked_and_tested(runner):
    """The targets are tested elsewhere, and one of them is this test: what they would run is shown."""
    runner.environ["MAKEFLAGS"] = "--dry-run"
    assert runner.run("tests", "tests") == 0, runner.output
    assert [step for _, _, step in runner.ran] == ["Install", "Check", "Test"]


def test_a_merge_rehearses_on_the_sandbox(tmp_path, pulumi_engine):
    if _is_taken(19200):
        pytest.skip("a sandbox is running on this machine")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked.splitlines():
        if not name.startswith("tests/"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    runner = Runner(tmp_path, {**os.environ}, {})
    assert runner.run("up", "dev") == 0, runner.output


def _is_taken(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_every_shell_step_is_run_here():
    written = {(name, job) for name, job, declared in jobs() if any("run" in step for step in declared["steps"])}
    run = {("preview", "preview"), ("drift", "drift"), ("tests", "tests")}
    assert written == run | {("up", job) for job in ("dev", "staging", "prod")}


def test_every_action_is_pinned_to_a_commit_and_says_its_version():
    for path in WORKFLOWS.iterdir():
        for line in re.findall(r"uses: (.*)", path.read_text()):
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_a_job_may_read_and_only_the_preview_may_write_and_that_a_comment():
    for name, _, declared in jobs():
        assert workflow(name)["permissions"] == {"contents": "read"}
        allowed = {"contents": "read", "pull-requests": "write"}
        assert declared.get("permissions") == (allowed if name == "preview" else None)


def test_secrets_reach_the_steps_of_pulumi_alone():
    for _, _, declared in jobs():
        assert "secrets." not in str(declared.get("env", {}))
        for step in declared["steps"]:
            assert "secrets." not in str(step) or "pulumi" in step["run"]


def test_prod_follows_staging_and_staging_dev():
    up = workflow("up")["jobs"]
    assert {job: up[job].get("needs") for job in up} == {"dev": None, "staging": "dev", "prod": "staging"}
    assert {job: up[job].get("environment") for job in up} == {"dev": None, "staging": "staging", "prod": "prod"}
