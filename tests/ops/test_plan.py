"""What recorded previews mean: golden files, and rules that hold for every one of them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from pulumi.runtime.rpc import UNKNOWN

from ops.changed_embedding import is_one_address
from ops.changes import changes
from ops.comment import LIMIT, comment
from ops.digest import Digest, Step, read_digest
from ops.figures import Figures
from ops.sentences import code, escaped
from ops.stack import Stopped
from tests.ops.golden import GOLDEN, golden, markdown
from tests.ops.recorded import CONFIGURED, DIGESTS, DRIFTED, FOLDER, read_recorded

ROOT = FOLDER.parents[1]
NAMES = ["first", "adopted", *CONFIGURED, *DRIFTED]


@pytest.mark.parametrize("name", NAMES)
def test_a_change_means(name):
    assert markdown(read_recorded(name)) == golden(name)


def test_every_recording_belongs_to_a_change():
    assert {path.stem for path in DIGESTS.iterdir()} == {path.stem for path in GOLDEN.iterdir()} == {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_internal_is_shown(name):
    recorded, shown = json.dumps(read_recorded(name)), markdown(read_recorded(name))
    assert name in ("nothing", "mistakes", "field-changed") or "__provider" in recorded
    for internal in ("[secret]", "__provider", "gASV", "urn:", UNKNOWN, "[unknown]", "sk-", "#"):
        assert internal not in shown.removeprefix("###")


def planned(name, asked=None, many=100_000):
    """Returns what is said of each subject, and which subjects warn."""
    found = changes(read_digest(json.dumps(read_recorded(name))).steps, asked or {}, many)
    told = {change.subject: "; ".join(sentence.text for sentence in change.sentences) for change in found}
    return told, [change.subject for change in found if any(sentence.warns for sentence in change.sentences)]


SHOP = Figures(rows=1204, documents=1200, requests=121, seconds=180, dollars=0.02)


@pytest.mark.parametrize(
    ("name", "figures", "text"),
    [
        ("dimension", SHOP, "1,204 rows to embed again, 121 requests, about 3 min and 0.02 USD; searches are served"),
        ("dimension", replace(SHOP, seconds=None, dollars=None), "121 requests, time unknown and price unknown; "),
        ("dimension", replace(SHOP, seconds=0.2, dollars=0.001), "about 1 s and less than 0.01 USD; "),
        ("dimension", replace(SHOP, seconds=9000, dollars=1234.5), "about 2 h and 1,234.50 USD; "),
        ("dimension", Figures(rows=1), "1 row to embed again; "),
        ("collection-removed-protected", SHOP, "is destroyed: 1,200 documents, refused by deletion protection"),
        ("collection-removed-protected", Figures(documents=0), "0 documents, refused by deletion protection if there"),
    ],
)
def test_figures_are_told(name, figures, text):
    told, _ = planned(name, {"docs": figures})
    assert text in told["docs"]


def test_embedding_many_rows_is_a_warning():
    assert planned("dimension", {"docs": SHOP}, 1205)[1] == []
    told, warns = planned("dimension", {"docs": SHOP}, 1204)
    assert (warns, "1,204 rows are embedded, 1,204 or more" in told["docs"]) == (["docs"], True)


@pytest.mark.parametrize(
    ("name", "warns"),
    [
        ("collection-removed", ["notes"]),
        ("collection-renamed", ["notes"]),
        ("protection-off", ["docs"]),
        ("prune", ["docs"]),
        ("trust-widened", ["embedding"]),
        ("private-address", ["embedding"]),
        ("several", ["docs", "notes"]),
        ("key", []),
        ("url", []),
        ("replicas", []),
        ("collection-new", []),
    ],
)
def test_what_is_lost_or_widened_is_a_warning(name, warns):
    assert planned(name)[1] == warns


def of_many(collections):
    """Returns the steps of `dimension` for so many collections."""
    digest = read_digest(json.dumps(read_recorded("dimension")))
    shared = [step for step in digest.steps if "docs" not in step.name and "notes" not in step.name]
    own = [step for step in digest.steps if "docs" in step.name]
    many = [_renamed(step, f"collection{number:03}") for number in range(collections) for step in own]
    return Digest("prod", [*shared, *many])


def _renamed(step, to):
    def named(text):
        return text.replace("docs", to)

    old, new = (json.loads(named(json.dumps(values))) for values in (step.old, step.new))
    return replace(step, name=named(step.name), parent=named(step.parent), old=old, new=new)


@pytest.mark.parametrize("collections", [100, 1000])
def test_a_comment_of_many_resources_fits(collections):
    digest = of_many(collections)
    asked = {f"collection{number:03}": replace(SHOP, rows=10**6) for number in range(collections)}
    shown = comment(digest, changes(digest.steps, asked), asked=True)
    assert len(digest.steps) >= 5 * collections
    assert len(shown.encode("utf-16-le")) // 2 <= LIMIT < 65_536
    assert shown.endswith("\n</details>\n")
    assert "more lines" in shown


def test_what_is_no_object_of_a_service_is_told_where_nothing_else_changes():
    guard = Step("update", "DeletionGuard", "search-guard", "search", "SemanticSearchStack", {}, {}, ["resources[0]"])
    alias = Step("update", "Alias", "a", "search-docs", "SearchCollection", {"index": "x"}, {"name": "docs"}, ["index"])
    assert [change.subject for change in changes([guard], {})] == ["other resources"]
    assert [change.subject for change in changes([guard, alias], {})] == ["docs"]


def test_a_change_of_which_nothing_is_known_is_counted():
    steps = [
        Step("update", "ModelGroup", "search-embedding-group", "search-embedding", "EmbeddingModel", {}, {}),
        Step("create", "Bucket", "b", "", "Stack", {}, {}),
        Step(
            "update", "SyncLink", "search-docs-link", "search-docs", "SearchCollection", {}, {"index": "docs_0a1b2c3d"}
        ),
    ]
    told = {change.subject: change.sentences[0].text for change in changes(steps, {})}
    assert told == {"docs": "1 to update", "embedding": "1 to update", "other resources": "1 to create"}


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (
            Step(
                "update", "Alias", "a", "search-docs", "SearchCollection", {"index": "x"}, {"name": "docs"}, ["index"]
            ),
            "in place: the alias moves on to the generation that is being filled, once that is full",
        ),
        (
            Step("replace", "SyncLink", "a", "search-docs", "SearchCollection", {}, {"index": "docs_1"}, drifted=True),
            "drift repaired: the sync link was changed by somebody, and is as declared again",
        ),
        (
            Step("replace", "Connector", "c", "e", "EmbeddingModel", {}, {}, ["actions[0].url"], drifted=True),
            "drift repaired: `c` was changed by somebody, and is as declared again",
        ),
        (
            Step(
                "update",
                "SearchPipeline",
                "s",
                "search-docs",
                "SearchCollection",
                {},
                {"name": "docs_1"},
                ["weights[0]"],
            ),
            "in place: no weights",
        ),
        (
            Step("replace", "Connector", "c", "e", "EmbeddingModel", {}, {"actions": UNKNOWN}, ["actions"]),
            "the request changes: no interruption, proved before use",
        ),
        (
            Step("create", "Model", "m", "e", "EmbeddingModel", {}, {}, drifted=True),
            "drift repaired: the model is gone, and made again",
        ),
    ],
)
def test_what_is_left_or_edited_is_told(step, text):
    [change] = changes([step], {})
    assert [sentence.text for sentence in change.sentences] == [text]


def test_a_table_that_the_stack_made_is_dropped_with_a_warning_and_one_of_before_stays():
    [gone] = [
        step for step in read_digest(json.dumps(read_recorded("several"))).steps if step.name.endswith("notes-table")
    ]
    [kept], [ours] = changes([gone], {}), changes([replace(gone, old={**gone.old, "uid": "1"})], {})
    assert (kept.sentences[0].warns, ours.sentences[0].warns, ours.sentences[0].loses) == (False, True, True)
    [refused] = changes([replace(gone, old={**gone.old, "uid": "1", "deletion_protection": True})], {})
    assert "refused by deletion protection" in refused.sentences[0].text


@pytest.mark.parametrize(
    ("pattern", "one"),
    [
        (r"^https://a\.test/v1$", True),
        (r"^https://a\.test/v1/.*$", False),
        (r"^https://a.test/v1$", False),
        (r"https://a\.test/v1", False),
        (r"^https://a\.test/(v1|v2)$", False),
    ],
)
def test_a_pattern_matches_one_address(pattern, one):
    assert is_one_address(pattern) is one


def test_a_text_of_somebody_elses_neither_ends_the_fold_nor_calls_anybody():
    assert escaped("</details>\n@team see") == "&lt;/details> @\u200bteam see"
    assert code("a`b\n" + "x" * 100) == f"`a'b {'x' * 75}…`"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing to read: write `pulumi preview --json | python -m ops plan`"),
        ("Previewing update (dev)", "this is no preview of Pulumi's as JSON: write"),
        ("[]", "this is no preview"),
        ("{}", "this is no preview"),
        ('{"steps": [1]}', "this is no preview"),
        ('{"steps": [{"op": "create"}]}', "this is no preview"),
        ('{"steps": [{"op": "create", "urn": "x"}]}', "this is no preview"),
        (json.dumps(read_recorded("mistakes")), "the preview failed: 2 mistakes in the configuration"),
    ],
)
def test_what_is_no_preview_is_refused_in_one_line(text, says):
    with pytest.raises(Stopped) as refused:
        read_digest(text)
    assert str(refused.value).startswith(says)
    assert "\n" not in str(refused.value)


def run(*args, text=None):
    return subprocess.run(
        [sys.executable, "-m", "ops", "plan", *args], cwd=ROOT, input=text, capture_output=True, text=True
    )


def test_the_sample_in_the_readme_is_what_is_written():
    several, removed = (read_digest(json.dumps(read_recorded(name))).steps for name in SAMPLED)
    steps = [_renamed(step, "products") for step in several if "docs" in step.name or "embedding" in step.name]
    steps += [_renamed(step, "documents") for step in removed if step.kind != "SourceTable"]
    asked = {"products": SHOP, "documents": replace(SHOP, documents=1204)}
    found = changes([step for step in steps if step.kind != "SourceTable"], asked)
    shown = comment(Digest("prod", steps), found, asked=True).split("\n\n<details>")[0]
    assert f"```\n{shown}\n```" in (ROOT / "README.md").read_text()


SAMPLED = ("several", "collection-removed-protected")


def test_the_command_reads_stdin_or_a_file():
    text = (DIGESTS / "key.json").read_text()
    for done in (run(text=text), run(str(DIGESTS / "key.json"))):
        assert (done.returncode, done.stdout, done.stderr) == (0, golden("key"), "")


@pytest.mark.parametrize("args", [["no-such-file.json"], [str(FOLDER)], [str(DIGESTS / "mistakes.json")], []])
def test_the_command_refuses_in_one_line(args):
    done = run(*args, text="")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize(
    ("name", "finding", "ends"),
    [
        ("nothing", "changes", 0),
        ("key", "changes", 1),
        ("key", "data-loss", 0),
        ("collection-renamed", "data-loss", 0),
        ("collection-removed", "data-loss", 1),
    ],
)
def test_the_command_fails_on_what_it_is_told_to(name, finding, ends):
    assert run(str(DIGESTS / f"{name}.json"), "--fail-on", finding).returncode == ends
