"""The decisions of `make up`, `preview`, `search` and `down`, and their error messages."""

import json
import os
import shutil
import subprocess
import sys

import httpx
import pytest
import respx

from dev import question, stack
from dev.__main__ import main
from dev.stack import ROOT

HERE = "this-host"


@pytest.mark.parametrize(
    ("resource_changes", "words"),
    [
        ({"same": 14}, ""),
        ({"create": 12, "same": 2}, "12 create, 2 unchanged"),
        ({"update": 1, "create": 2}, "2 create, 1 update, 0 unchanged"),
        (None, ""),
    ],
)
def test_the_changes_of_the_last_update_are_listed(resource_changes, words):
    assert stack.changes([{"resourceChanges": resource_changes}, {"resourceChanges": {"delete": 9}}]) == words


@pytest.mark.parametrize(
    ("locks", "living", "expected"),
    [
        ([], [], False),
        ([{"pid": 7, "hostname": HERE}], [], True),
        ([{"pid": 7, "hostname": HERE}], [7], False),
        ([{"pid": 7, "hostname": HERE}, {"pid": 8, "hostname": HERE}], [8], False),
        ([{"pid": 7, "hostname": "another"}], [], False),
    ],
)
def test_a_lock_is_removed_only_when_its_process_has_ended(locks, living, expected):
    assert stack.is_stale(locks, HERE, living.__contains__) is expected


def test_search_without_a_question_says_how_to_ask(capsys):
    assert main(["search", " "]) == 1
    assert capsys.readouterr().err == 'what for? make search Q="something to keep coffee hot"\n'


@pytest.mark.parametrize("argv", [[], ["reboot"]])
def test_an_unknown_command_is_refused(argv, capsys):
    assert main(argv) == 2
    assert capsys.readouterr().err == "usage: python -m dev up|preview|down|search|app|ops\n"


@pytest.mark.parametrize("value", ["hush", {"4dabf18193072939515e22adb298388d": "1b47", "plaintext": '"hush"'}])
def test_access_is_the_connection_that_the_last_update_stored(value):
    inputs = {"p:search_url": "http://s", "p:search_username": "u", "search_password": value}
    resources = [{"type": "pulumi:pulumi:Stack"}, {"type": "pulumi:providers:pulumi-python", "inputs": inputs}]
    assert question.access({"deployment": {"resources": resources}}) == question.Access("http://s", "u", "hush")


def test_an_application_is_told_the_connection_in_its_environment():
    given = {"search_url": "http://s", "search_password": "p", "database_port": 13306.0, "database_tls": True}
    expected = {"SEARCH_URL": "http://s", "SEARCH_PASSWORD": "p", "DATABASE_PORT": "13306"}
    assert question.environment(given) == expected


@pytest.mark.parametrize("deployment", [{}, {"resources": [{"type": "pulumi:pulumi:Stack", "inputs": None}]}])
def test_there_is_no_access_before_the_first_update(deployment):
    assert question.access({"deployment": deployment}) is None


def test_the_text_replaces_every_placeholder():
    query = '{"query":{"neural":{"v":{"query_text":{{text}},"k":5}}},"list":[{{text}},1,null]}'
    assert question.filled(query, 'a "mug"') == {
        "query": {"neural": {"v": {"query_text": 'a "mug"', "k": 5}}},
        "list": ['a "mug"', 1, None],
    }


ACCESS = question.Access("http://search.test/", "u", "p")
COLLECTIONS = {"products": {"alias": "products", "neural": '{"query":{"match":{"t":{{text}}}}}'}}


@pytest.fixture
def search():
    with respx.mock(base_url="http://search.test") as router:
        yield router.post("/products/_search")


def test_every_collection_is_searched_with_its_own_query(search):
    hit = {"_id": "1", "_score": 0.51234, "_source": {"description": "x" * 200, "name": "Mug", "price": 2}}
    search.respond(json={"hits": {"hits": [hit]}})
    heading, row = question.ask(ACCESS, COLLECTIONS, "hot?")
    assert json.loads(search.calls.last.request.content) == {"query": {"match": {"t": "hot?"}}, "size": 3}
    assert search.calls.last.request.headers["authorization"].startswith("Basic ")
    assert heading == '\nproducts: "hot?"'
    assert row.startswith("  0.512      1  Mug · xxx")
    assert row.endswith("x…")


def test_of_a_document_whose_texts_are_chunked_the_best_passage_is_shown(search):
    inner = {"hits": {"hits": [{"_source": {"text": "the kettle\nwhistles"}}]}}
    hit = {"_id": "1", "_score": 0.5, "_source": {"body": "long"}, "inner_hits": {"v": inner}}
    search.respond(json={"hits": {"hits": [hit, {**hit, "inner_hits": {"v": {"hits": {"hits": []}}}}]}})
    assert list(question.ask(ACCESS, COLLECTIONS, "hot?"))[1:] == [
        "  0.500      1  the kettle whistles",
        "  0.500      1  long",
    ]


def test_a_search_without_hits_says_so(search):
    search.respond(json={"hits": {"hits": []}})
    assert list(question.ask(ACCESS, COLLECTIONS, "hot?"))[1:] == ["  nothing found"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            httpx.Response(404, json={"error": {"reason": "no such index [products]"}}),
            "no such index [products] (HTTP 404)",
        ),
        (httpx.Response(401, text="Unauthorized"), "Unauthorized (HTTP 401)"),
        (httpx.ConnectError("refused"), "refused; is it running? make up"),
    ],
)
def test_a_failed_search_is_reported_in_one_line(search, answer, message):
    search.mock(side_effect=[answer])
    with pytest.raises(question.Unanswered) as raised:
        list(question.ask(ACCESS, COLLECTIONS, "hot?"))
    assert str(raised.value) == f"POST http://search.test/products/_search: {message}"


@pytest.mark.parametrize(
    ("counted", "yielded"),
    [
        ([{"a": 0}, {"a": 3}], [{"a": 0}, {"a": 3}]),
        ([{"a": 1, "b": 0}, {"a": 1, "b": 0}, {"a": 1, "b": 9}], [{"a": 1, "b": 0}, {"a": 1, "b": 9}]),
        ([{"a": 5}], [{"a": 5}]),
        ([{"a": 0}], [{"a": 0}]),
    ],
    ids=[
        "first documents",
        "documents in every collection",
        "documents already there",
        "no documents until the timeout",
    ],
)
def test_counts_are_followed_until_they_stop_changing(fake_clock, counted, yielded):
    remaining = list(counted)
    count = lambda: remaining.pop(0) if len(remaining) > 1 else remaining[0]  # noqa: E731
    counts = question.changing_counts(count, now=lambda: fake_clock.time, sleep=fake_clock.sleep)
    assert list(counts) == yielded
    assert 1.5 <= sum(fake_clock.slept) <= 91


def make(*args, **variables):
    own = {
        key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "PYTHON")
    }
    environ = {**own, **variables}
    return subprocess.run(["make", *args], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_make_help_names_every_command():
    output = make("help").stdout
    for command in ("up", "down", "preview", "search", "app", "check", "test", "test-engine"):
        assert f"make {command} " in output


def test_without_a_new_enough_python_make_refuses_in_one_line(tmp_path):
    """The Makefile is in a folder of its own, and every Python on PATH is too old."""
    for name in ("Makefile", "requirements.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "bin").mkdir()
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "bin" / name).chmod(0o755)
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    done = make("-C", str(tmp_path), "up", PATH=path, PYTHON="")
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if "Error" not in line] == [
        "make: Python 3.10 or newer with venv is needed: install it (Debian: apt install python3-venv), "
        "or make PYTHON=/path/to/python3"
    ]
    assert not (tmp_path / ".venv").exists()


def test_the_lock_file_is_complete_and_hashed_and_names_no_registry():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    names = {line.split("==")[0] for line in lines if "==" in line and not line.startswith(" ")}
    assert {"pulumi", "httpx", "pymysql", "pydantic", "numpy", "tokenizers", "safetensors", "pytest"} <= names
    assert not names & {"torch", "sentence-transformers", "transformers"}
    assert not [line for line in lines if "://" in line or line.lstrip().startswith(("--index", "--extra", "--find"))]
    pinned = [number for number, line in enumerate(lines) if "==" in line and not line.startswith(" ")]
    assert all(lines[number + 1].strip().startswith("--hash=sha256:") for number in pinned)


def test_the_command_line_reports_an_error_in_one_line():
    done = subprocess.run([sys.executable, "-m", "dev", "search"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def preview_without_a_home(checkout, **variables):
    """Runs `preview` in a copy of this checkout where the sandbox's home cannot be created."""
    for name in ("sandbox", "engine", "dev"):
        shutil.copytree(ROOT / name, checkout / name)
    (checkout / ".sandbox").touch()
    command, environ = [sys.executable, "-m", "dev", "preview"], {**os.environ, **variables}
    return subprocess.run(command, cwd=checkout, env=environ, capture_output=True, encoding="utf-8", check=False)


def test_an_error_of_the_sandbox_is_printed_only_once(tmp_path):
    done = preview_without_a_home(tmp_path, PYTHONIOENCODING="utf-8")
    assert (done.returncode, done.stdout) == (1, "· sandbox start\n")
    assert done.stderr.startswith("sandbox: ")
    assert done.stderr.count("\n") == 1


LONG_OUTPUT = """
import sys
from dev import __main__ as dev, question
question.ask = lambda *_: ("a line" for _ in range(100_000))
dev._ask(None, {}, "anything")
sys.exit(7)
"""


def test_a_closed_pipe_is_no_error():
    command = [sys.executable, "-c", LONG_OUTPUT]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "a line\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 7


def test_a_character_that_the_terminal_cannot_encode_is_replaced(tmp_path):
    assert preview_without_a_home(tmp_path, PYTHONIOENCODING="ascii").stdout == "? sandbox start\n"
