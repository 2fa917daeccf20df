"""The recorded digests are what a real engine prints.

One change is previewed and compared; `RECORD=all` previews every one, and writes digests and golden files again.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.e2e.tutorial import COLLECTION, INDEX, ROWS, Tutorial
from tests.ops.golden import golden, markdown, write_golden
from tests.ops.recorded import CONFIGURED, DRIFTED, digest_of, prepared, write_digest

RECORD = os.environ.get("RECORD") == "all"


def previewed(name, project, *args):
    """Previews the change, and records it or compares what it means."""
    digest = digest_of(project._done("preview", "--json", *args).stdout)
    if RECORD:
        write_digest(name, digest)
        write_golden(name)
    assert markdown(digest) == golden(name)


def test_changes_of_the_configuration(project, world):
    previewed("first", prepared(project, world))
    project.up()
    before = dict(project.blocks)
    for name in CONFIGURED if RECORD else ("dimension",):
        CONFIGURED[name](project, world)
        previewed(name, project)
        project.configure(**before)
        project.secret("embeddingApiKey", world.api_key)


def test_what_was_adopted(project, world, eventually):
    Tutorial(world).run()
    eventually(lambda: world.count(INDEX, "my_vector") == len(ROWS))
    project.embedding(model="text-embedding-v4", dimension=1024)
    project.configure(collections=[COLLECTION])
    subprocess.run([sys.executable, "-m", "ops", "adopt", "--yes"], cwd=project.folder, env=project.environ, check=True)
    previewed("adopted", project)


@pytest.mark.parametrize("name", DRIFTED if RECORD else ("drift-model",))
def test_drift(project, world, eventually, name):
    prepared(project, world).up()
    eventually(lambda: (world.count("docs", "vector"), world.count("notes", "vector")) == (4, 1))
    DRIFTED[name](project, world)
    previewed(name, project, "--refresh")
