"""CONTRIBUTING's example of a kind is a kind."""

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
    """The example as a module."""
    module = types.ModuleType("example_of_a_kind")
    sys.modules[module.__name__] = module
    exec(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1], vars(module))
    yield module
    del sys.modules[module.__name__]


def test_its_example_of_a_kind_lives_a_whole_life(example, drive, ask):
    settings = drive(example.ClusterSettingKind)
    made = settings.create(**NOTE)
    assert settings.read(made).props == made.props
    changed = settings.update(made, value="still ours")
    assert ask.get("/_cluster/settings?flat_settings=true")["persistent"]["cluster.metadata.note"] == "still ours"
    assert settings.create(**NOTE).id == made.id
    settings.delete(changed)
    settings.delete(settings.create(**NOTE))
    assert settings.read(made) is None


def test_its_example_of_a_kind_leaves_alone_what_is_somebody_elses(example, drive, ask):
    ask.put("/_cluster/settings", {"persistent": {"cluster.metadata.note": "theirs"}})
    settings = drive(example.ClusterSettingKind)
    with pytest.raises(NotOwned, match="exists and is not ours"):
        settings.kind.find(example.ClusterSettingInputs(**NOTE))


def test_its_commands_name_what_is_there():
    for path in re.findall(r"\b(?:tests|docs|providers|components|sandbox)/[\w/]+\.(?:py|md)\b", TEXT):
        assert (ROOT / path).exists(), path
    targets = re.findall(r"^([a-z][a-z-]*):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make ([a-z][a-z-]+)", TEXT)) <= set(targets)
