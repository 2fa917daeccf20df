"""What is lost comes back: Pulumi's state, the index, the link (docs/production.md, "Backup")."""

from __future__ import annotations

import shutil


def test_a_stack_whose_state_is_lost_takes_over_its_objects_and_destroys_them_all(project, world, eventually):
    empty = world.inventory()
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    before, index = world.inventory(), project.outputs()["collections"]["docs"]["index"]
    shutil.rmtree(project.folder.parent / "pulumi" / "state")
    (project.folder / "stacks" / f"Pulumi.{project.stack}.yaml").unlink()
    (project.folder.parent / "pulumi" / "state").mkdir()
    project.run("stack", "init")
    project.configure()
    project.secret("embeddingApiKey", world.api_key)
    project.up()
    after = world.inventory()
    for kind in before.keys() - {"connectors", "settings"}:  # a connector in use is not taken over; a uid is another
        assert after[kind] == before[kind]
    assert project.outputs()["collections"]["docs"]["index"] == index
    assert world.count("docs", "vector") == 4
    assert project.preview() == {}
    project.destroy()
    assert world.inventory() == empty


def test_an_index_that_is_lost_is_made_again_and_filled(filled, world, eventually):
    world.search("DELETE", f"/{filled.outputs()['collections']['docs']['index']}")
    filled.up("--refresh")
    eventually(lambda: world.count("docs", "vector") == 4)
    assert filled.preview() == {}
