"""The supported versions, as tables."""

import pytest

from engine.version import OLDEST_PULUMI, go_can_build, parse, shown


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0", (3, 259, 0)),
        ("3.260.0\n", (3, 260, 0)),
        ("v3.254.0-alpha.1+dirty", (3, 254, 0)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.26 linux/amd64", (1, 26, 0)),
        ("built-3.259.0", (3, 259, 0)),
        ("warning: A new version is available\nv4.0.1", (4, 0, 1)),
        ("", None),
        ("command not found", None),
    ],
)
def test_a_version_is_read_from_the_output_of_a_program(text, version):
    assert parse(text) == version


def test_versions_are_compared_as_numbers():
    assert (3, 1000, 0) > OLDEST_PULUMI > (3, 99, 9)
    assert shown(OLDEST_PULUMI) == "3.254.0"


@pytest.mark.parametrize(
    ("version", "toolchain", "can"),
    [
        ((1, 26, 0), "auto", True),
        ((1, 26, 0), "local", True),
        ((1, 25, 11), "local", True),
        ((1, 25, 10), "local", False),
        ((1, 25, 10), "auto", True),
        ((1, 21, 0), "auto", True),
        ((1, 21, 0), "local+auto", False),
        ((1, 20, 14), "auto", False),
        ((1, 20, 14), "", False),
    ],
)
def test_an_older_go_builds_only_if_it_may_download_a_newer_one(version, toolchain, can):
    assert go_can_build(version, toolchain) is can
