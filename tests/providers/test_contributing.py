"""The example of a kind in CONTRIBUTING.md works."""

from __future__ import annotations

import pathlib
import re
import sys
import types

import pytest

from providers.kit import NotOwned

ROOT = pathlib.Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
NOTE = {"owner": "p/s/note", "key": "cluster.metadata.note", "value": "ours"}


@pytest.fixture
def example():
    """Returns the example as a module."""
    module = types.ModuleType("example_of_a_kind")
    sys.modules[module.__name__] = module
    exec(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1], vars(module))
    yield module
    del sys.modules[module.__name__]


def test_the_example_kind_is_created_read_updated_and_deleted(example, drive, rest):
    settings = drive(example.ClusterSettingKind)
    created = settings.create(**NOTE)
    assert settings.read(created).props == created.props
    changed = settings.update(created, value="still ours")
    assert rest.get("/_cluster/settings?flat_settings=true")["persistent"]["cluster.metadata.note"] == "still ours"
    assert settings.create(**NOTE).id == created.id
    settings.delete(changed)
    settings.delete(settings.create(**NOTE))
    assert settings.read(created) is None


def test_the_example_kind_leaves_objects_of_other_owners(example, drive, rest):
    rest.put("/_cluster/settings", {"persistent": {"cluster.metadata.note": "theirs"}})
    settings = drive(example.ClusterSettingKind)
    with pytest.raises(NotOwned, match="exists and is not ours"):
        settings.kind.find(example.ClusterSettingInputs(**NOTE))


def test_the_commands_name_existing_files():
    for path in re.findall(r"\b(?:tests|docs|providers|components|sandbox)/[\w/]+\.(?:py|md)\b", TEXT):
        assert (ROOT / path).exists(), path
    targets = re.findall(r"^([a-z][a-z-]*):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make ([a-z][a-z-]+)", TEXT)) <= set(targets)
