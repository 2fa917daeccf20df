"""`status` on a stack that a real engine has brought up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys


def test_a_stack_that_is_up_has_every_row(ops, filled):
    ran = ops("status", "--stack", "test", "--json")
    [docs] = ran.json["collections"]
    serving = docs["serving"]
    assert (ran.code, ran.json["command"], ran.json["stack"]) == (0, "status", "test")
    assert (serving["rows"], serving["documents"], serving["texts"], serving["vectors"]) == (5, 5, 4, 4)
    assert (serving["index"], serving["role"]) == (filled.outputs()["collections"]["docs"]["index"], "serving")
    assert (serving["lag_seconds"], serving["seconds_left"], serving["link"]["job"]) == (0, 0, "running")
    assert (docs["filling"], docs["problems"]) == (None, [])
    assert f"docs: serving {serving['index']}" in ops("status").stdout


def test_the_generation_that_is_being_filled_is_shown_beside_the_one_that_is_served(ops, filled, world, eventually):
    world.embeddings.hold()
    filled.embedding(dimension=32)
    running = filled.start("up", "--yes", "--skip-preview")

    def shown():
        [docs] = ops("status", "--json").json["collections"]
        return docs if docs["filling"] else None

    docs = eventually(shown)
    assert docs["serving"]["vectors"] == 4
    assert docs["filling"]["vectors"] == 0
    assert docs["filling"]["seconds_left"] is None
    assert docs["filling"]["lag_seconds"] >= 1
    world.embeddings.release()
    running.communicate()
    assert ops("status").code == 0


def test_documents_without_a_row_are_findings(ops, filled, world):
    world.sql("TRUNCATE TABLE db.docs")
    ran = ops("status", "--json")
    [docs] = ran.json["collections"]
    assert ran.code == 1
    assert docs["serving"]["documents_without_row"] == 5
    assert "5 documents without a row (1, 2, 3 and 2 more)" in docs["problems"][0]


def test_a_link_in_trouble_is_shown_with_the_words_of_autoetl(ops, filled, world, eventually):
    filled.collection(long_texts="refuse")
    filled.up()
    world.sql("INSERT INTO db.docs (id, body) VALUES (7, %s)", "long " * 9000)

    def in_trouble():
        ran = ops("status", "--json")
        return ran if ran.code == 1 else None

    ran = eventually(in_trouble)
    [docs] = ran.json["collections"]
    link = docs["serving"]["link"]
    assert link["job"] == "recovering"
    assert link["restarts"] > 0
    assert link["errors"]
    assert "row id=7" in link["refused_row"]
    assert link["errors"] in docs["problems"][0]
    assert "row id=7" in " ".join(ops("status").stdout.split())


def test_watch_goes_on_until_it_is_interrupted(filled):
    command = [sys.executable, "-m", "ops", "status", "--watch", "--interval", "0.1", "--json"]
    with subprocess.Popen(command, cwd=filled.folder, env=filled.environ, stdout=subprocess.PIPE, text=True) as running:
        seen = [json.loads(running.stdout.readline()) for _ in range(3)]
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
    assert [each["collections"][0]["serving"]["per_second"] for each in seen] == [None, 0, 0]


def test_without_outputs_or_a_stack_one_line_says_what_to_do(ops, project):
    ran = ops("status")
    assert (ran.code, ran.stderr) == (2, "stack test has no outputs: run `pulumi up` first\n")
    ran = ops("status", "--stack", "nope", "--json")
    assert ran.code == 2
    assert len(ran.stderr.splitlines()) == 1
    assert ran.json == {"error": ran.stderr.strip()}
    assert "no stack named 'nope' found; see `pulumi stack ls`" in ran.stderr


def test_a_wrong_password_is_one_line(ops, filled):
    ran = ops("status", environ={"POLARDB_PASSWORD": "not-the-password"})
    assert (ran.code, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1)
    assert "check `database_user` and `database_password` (or POLARDB_PASSWORD)" in ran.stderr
    assert "not-the-password" not in ran.stderr
