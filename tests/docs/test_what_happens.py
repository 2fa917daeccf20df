"""What the terminal says when something fails, on a real engine: docs/what-happens.md quotes it.

`RECORD=all .venv/bin/python -m pytest tests/docs` writes docs/terminal again, and `make docs` the pages.
"""

from __future__ import annotations

import os
import re

import pytest

from tests.e2e.conftest import ROOT, box, eventually, project, pulumi_engine, revision, snapshot, world

__all__ = ["box", "eventually", "project", "pulumi_engine", "revision", "snapshot", "world"]
TERMINAL = ROOT / "docs" / "terminal"
SCENARIOS = {}


def scenario(play):
    """Adds a scenario: plays it, and returns what the terminal says at its end."""
    SCENARIOS[play.__name__.replace("_", "-")] = play
    return play


def up(project, world, eventually):
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)


@scenario
def mistakes(project, world, eventually):
    project.configure(connection={**project.blocks["connection"], "serach_url": "x"})
    project.embedding(dimension=0)
    project.collection(field_map={"text": "id"})
    return project.up(ok=False)


@scenario
def unexpanded_key(project, world, eventually):
    project.secret("embeddingApiKey", "${YOUR_API_KEY}")
    return project.up(ok=False)


@scenario
def open_secret(project, world, eventually):
    project.run("config", "set", "--plaintext", "searchPassword", "open-secret-123")
    return project.up(ok=False)


@scenario
def wrong_passwords(project, world, eventually):
    project.environ |= {"POLARSEARCH_PASSWORD": "wrong-password-1", "POLARDB_PASSWORD": "wrong-password-2"}
    return project.up(ok=False)


@scenario
def somebody_elses_index(project, world, eventually):
    world.search("PUT", "/docs", {})
    return project.up(ok=False)


@scenario
def missing_column(project, world, eventually):
    world.sql("ALTER TABLE db.docs DROP COLUMN body")
    return project.up(ok=False)


@scenario
def invalid_key(project, world, eventually):
    project.secret("embeddingApiKey", "sk-wrong-0123456789")
    return project.up(ok=False)


@scenario
def rotation_to_an_invalid_key(project, world, eventually):
    up(project, world, eventually)
    return invalid_key(project, world, eventually)


@scenario
def slow_cutover(project, world, eventually):
    up(project, world, eventually)
    world.embeddings.hold()
    project.collection(cutover_timeout=1)
    project.embedding(dimension=128)
    return project.up(ok=False)


@scenario
def undeployed_model(project, world, eventually):
    up(project, world, eventually)
    world.search("POST", f"/_plugins/_ml/models/{project.outputs()['model_id']}/_undeploy")
    return project.refresh(ok=None)


@scenario
def truncated_table(project, world, eventually):
    up(project, world, eventually)
    world.sql("TRUNCATE TABLE db.docs")
    return project.refresh()


@scenario
def renamed_table(project, world, eventually):
    up(project, world, eventually)
    world.sql("RENAME TABLE db.docs TO db.items")
    eventually(lambda: "was renamed" in str(world.sql("CALL dbms_etl.show_sync_link()")))
    return project.refresh(ok=None)


@scenario
def protected_destroy(project, world, eventually):
    project.collection(deletion_protection=True)
    up(project, world, eventually)
    return project.destroy(ok=False)


@scenario
def broken_policy(project, world, eventually):
    project.embedding(trusted_pattern="^http://127.*$")
    return project.up("--policy-pack", str(ROOT / "policies"), ok=False)


VARYING = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:…"),
    (r"\(local: [^)]*\)", "(local: policies)"),
    (r"docs_[0-9a-f]{8}", "docs_…"),
    (r"text_embedding/[\w-]{20}", "text_embedding/…"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}", "…"),
    (r"after \d+(\.\d+)? s", "after … s"),
)


def said(output):
    """Returns what the terminal says of diagnostics and policies, by resource, without what differs from run to run."""
    kept = re.split(r"^(?:Diagnostics|Policies):$", output, maxsplit=1, flags=re.MULTILINE)[1]
    kept = re.split(r"^(?:Outputs|Resources|Duration)\b", kept, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = [block.rstrip() for block in re.split(r"^(?=  \S)", re.sub(r"\n\s*\n", "\n", kept), flags=re.MULTILINE)]
    text = "\n".join(sorted(block for block in blocks if block.strip() and "error: update failed" not in block))
    for pattern, shown in VARYING:
        text = re.sub(pattern, shown, text)
    return text.strip("\n") + "\n"


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_terminal_says_what_the_page_quotes(name, box, project, world, eventually):
    text, path = said(SCENARIOS[name](project, world, eventually)), TERMINAL / f"{name}.txt"
    if os.environ.get("RECORD") == "all":
        path.write_text(text)
    assert text == path.read_text()


def test_every_record_is_of_a_scenario_and_quoted():
    page = (ROOT / "docs" / "what-happens.md").read_text()
    quoted = set(re.findall(r"<!-- terminal: ([\w-]+) -->", page))
    assert quoted == set(SCENARIOS) == {path.stem for path in TERMINAL.iterdir()}


def test_every_recorded_change_is_quoted():
    page = (ROOT / "docs" / "what-happens.md").read_text()
    quoted = re.findall(r"<!-- plan: ([\w-]+) -->\n```text\n(.+)", page)
    assert {name for name, _ in quoted} == {path.stem for path in (ROOT / "tests" / "ops" / "golden").glob("*.md")}
    assert [name for name, first in quoted if first == "```"] == []
