"""`plan --ask` on a stack that a real engine has brought up: figures of the collections that change."""

from __future__ import annotations


def planned(ops, project, *args):
    path = project.folder / "preview.json"
    path.write_text(project._done("preview", "--json").stdout)
    return ops("plan", str(path), *args)


def test_rows_to_embed_are_counted_with_what_they_take(ops, filled):
    filled.embedding(dimension=128, price_per_million_tokens=1000)
    ran = planned(ops, filled, "--ask")
    assert ran.code == 0
    assert "a new generation beside the old, 5 rows to embed again, 1 request, time unknown and 0.0" in ran.stdout
    assert "No service was asked" not in ran.stdout
    assert "No service was asked" in planned(ops, filled).stdout


def test_documents_that_are_destroyed_are_counted(ops, filled):
    [docs] = filled.blocks["collections"]
    filled.configure(collections=[{**docs, "name": "articles"}])
    ran = planned(ops, filled, "--ask", "--many-rows", "5")
    assert (
        "- ⚠️ **`articles`**: the new name of `docs`, built anew: filled from `db.docs`, 5 rows to embed" in ran.stdout
    )
    assert "**`docs`** is destroyed once `articles` is made of the same rows" in ran.stdout
    assert "5 documents, not protected" in ran.stdout


def test_a_table_that_is_not_there_yet_has_no_rows(ops, filled):
    [docs] = filled.blocks["collections"]
    more = {**docs, "name": "more", "source": {**docs["source"], "table": "db.more"}}
    filled.configure(collections=[docs, more])
    assert (
        "**`more`**: a new collection: filled from `db.more`, 0 rows to embed" in planned(ops, filled, "--ask").stdout
    )


def test_services_that_do_not_answer_are_told_in_one_line(ops, filled):
    filled.embedding(dimension=128)
    filled.configure(connection={**filled.blocks["connection"], "database_port": 1})
    ran = planned(ops, filled, "--ask")
    assert (ran.code, ran.stdout) == (2, "")
    assert ran.stderr.splitlines()[-1].startswith("connect to 127.0.0.1:1: ")
