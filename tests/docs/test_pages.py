"""The pages of docs/ agree with the code, and build without a broken link or anchor."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from components.validation import parse
from docs.generate import ROOT, pages, resources, shown
from docs.site import as_in_docs
from ops.privileges import database_grants, search_grant

PAGES = dict(pages())
NAV = (ROOT / "mkdocs.yml").read_text()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_that_the_code_writes_is_current(path):
    assert path.read_text() == PAGES[path], "run `make docs`"


def test_every_kind_has_a_page_and_a_place():
    written = {path.name for path in (ROOT / "docs" / "kinds").iterdir()}
    assert written == set(re.findall(r"kinds/([\w.]+)", NAV))
    assert len(written) == len(resources()) + 2


def test_a_page_names_every_input_and_its_default():
    page = PAGES[ROOT / "docs" / "kinds" / "index_.md"]
    assert "| `shards` | `int` | `1` | replaces |  |" in page
    assert "| `settings` | `dict[str, str or list[str]]` | `{}` | in place |  |" in page
    for resource in resources():
        for name in set(resource.kind.inputs_type.model_fields) - {"owner"}:
            assert any(f"\n| `{name}` | `" in text and f"# {resource.__name__}\n" in text for text in PAGES.values())


def test_a_secret_is_marked():
    credential = "| `credential` | `dict[str, str] or None` | `None` | replaces | yes |"
    assert credential in PAGES[ROOT / "docs" / "kinds" / "connector.md"]


def test_a_type_is_shown_without_what_validates_it():
    assert shown(dict[str, "int"] | None) == "dict[str, int] or None"


def test_the_start_page_links_to_pages_and_only_names_what_is_no_page():
    text = "[a](docs/ci.md#x) [b](CONTRIBUTING.md) [c](README.zh.md) [d](https://e) [f](#g)"
    assert as_in_docs(text) == "[a](ci.md#x) `CONTRIBUTING.md` [c](index.zh.md) [d](https://e) [f](#g)"


def build(folder, site):
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_the_site_builds_without_a_warning(tmp_path):
    done = build(ROOT, tmp_path / "site")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "kinds" / "sync_link" / "index.html").exists()


@pytest.mark.parametrize("link", ["[x](missing.md)", "[x](ci.md#missing)", "[x](/absolute)"])
def test_a_broken_link_breaks_the_build(tmp_path, link):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("mkdocs.yml", "README.md", "README.zh.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    with (tmp_path / "docs" / "tutorial.md").open("a") as page:
        page.write(f"\n{link}\n")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0
    assert "tutorial.md" in done.stderr


def blocks(text, language):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_chinese_readme_has_the_configuration_of_the_english_one():
    ours, theirs = ((ROOT / name).read_text() for name in ("README.zh.md", "README.md"))
    config = yaml.safe_load(blocks(ours, "yaml")[0])
    assert config == yaml.safe_load(blocks(theirs, "yaml")[0])
    assert set(re.findall(r"make ([a-z][a-z-]+)", ours)) <= set(re.findall(r"make ([a-z][a-z-]+)", theirs))


def test_the_chinese_page_on_production_has_what_the_english_one_has():
    english, chinese = ((ROOT / "docs" / name).read_text() for name in ("production.md", "production.zh.md"))
    for pattern in (r"^##? ", r"^\|", r"^\d\. ", r"^- "):
        counted = [len(re.findall(pattern, page, re.MULTILINE)) for page in (chinese, english)]
        assert counted[0] == counted[1], pattern
    assert blocks(chinese, "") == blocks(english, "")
    assert set(re.findall(r"`(python -m ops \w+|pulumi [\w-]+)", chinese)) == set(
        re.findall(r"`(python -m ops \w+|pulumi [\w-]+)", english)
    )


def test_the_tutorial_has_ten_requests_and_a_valid_configuration():
    page = (ROOT / "docs" / "tutorial.md").read_text()
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)] == list(range(11))
    given = {}
    for block in blocks(page, "yaml"):
        given |= {name.split(":")[1]: value for name, value in yaml.safe_load(block).items()}
    prod = yaml.safe_load((ROOT / "stacks" / "Pulumi.prod.yaml").read_text().replace("pc-xxx", "pc-1a2b3c"))["config"]
    given["connection"] = prod["polardb-semantic-search:connection"]
    assert parse(given).collections[0].name == "documents"


def test_what_doctor_prints_is_what_the_page_says():
    page = (ROOT / "docs" / "production.md").read_text()
    for grant in database_grants(["db.test_table"], "`polardb_user`@`%`"):
        assert grant in page
    assert search_grant(["documents"]).partition(", ")[0] in page
