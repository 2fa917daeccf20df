"""`doctor` before the first `up` and after it, on a stack of a real engine."""

from __future__ import annotations

import pytest

from sandbox.wire import Lost

HOST = "embedding.url: 10.1.2.3 is a private address, which it refuses to call; write private_address: true"


def lines(ran, area=None):
    return [each["line"] for each in ran.json["findings"] if area in (None, each["area"])]


def test_nothing_is_wrong_before_the_first_up_and_after_it(ops, project, world, eventually):
    ran = ops("doctor", "--stack", "test", "--json")
    assert (ran.code, ran.json["findings"], ran.json["looked"]) == (0, [], True)
    assert [each.split(":")[0] for each in ran.json["unchecked"]] == ["pipelines and links"]
    asked = [
        each
        for each in ran.json["notes"]
        if each.endswith(", 64 numbers each, asked from this machine, not from the cluster")
    ]
    assert [each.partition(" in ")[0] for each in asked] == ["embedding: 1 text", "embedding: 4 texts"]
    before = world.inventory()
    project.up()
    eventually(lambda: world.count("docs", "vector") == 4)
    there = world.inventory()
    ran = ops("doctor", "--json")
    assert (ran.code, ran.json["findings"]) == (0, [])
    notes = " | ".join(ran.json["notes"])
    for note in (
        "PolarSearch, built on OpenSearch 2.",
        "PolarDB ",
        "GRANT EXECUTE ON `dbms_etl`.* TO",
        "PUT /_plugins/_security/api/roles/semantic_search",
        "docs: text: 20 %",
    ):
        assert note in notes
    assert "embedding: 1 text in " in notes
    assert "embedding: 4 texts in " in notes
    assert ", 64 numbers each" in notes
    assert world.inventory() == there != before
    assert " native memory of k-NN's" in notes
    assert ran.json["unchecked"] == []
    assert "nothing is wrong" in ops("doctor").stdout


def test_a_configuration_with_mistakes_has_a_finding_for_each(ops, project):
    project.embedding(dimension=0)
    project.collection(field_map={"nothing": "vector"})
    ran = ops("doctor", "--json")
    assert ran.code == 1
    assert {each["area"] for each in ran.json["findings"]} == {"configuration"}
    assert len(ran.json["findings"]) >= 2


@pytest.mark.parametrize(
    ("variable", "area", "advice"),
    [
        ("POLARDB_PASSWORD", "polardb", "check `database_user` and `database_password` (or POLARDB_PASSWORD)"),
        ("POLARSEARCH_PASSWORD", "polarsearch", "check `search_username` and `search_password`"),
    ],
)
def test_with_a_wrong_password_the_other_service_is_still_asked(ops, project, variable, area, advice):
    ran = ops("doctor", "--json", environ={variable: "not-the-password"})
    assert (ran.code, ran.json["looked"]) == (2, False)
    assert advice in lines(ran, area)[0]
    assert [each for each in ran.json["notes"] if each.startswith("PolarSearch" if area == "polardb" else "PolarDB")]
    assert f"orphans: {area} does not answer" in ran.json["unchecked"]
    assert "not-the-password" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"dimension": 32, "send_dimensions": False},
            "the model answers with vectors of 1024 numbers, `dimension` says",
        ),
        ({"model": "none"}, "the embedding service refused: check `url`, `model` and the key"),
        ({"parameters": {"response_filter": "$.none[*]"}}, "the embedding service answers with nothing where the"),
    ],
    ids=["dimension", "model", "place"],
)
def test_before_the_first_up_an_embedding_service_that_does_not_fit_is_a_finding(ops, project, change, line):
    project.embedding(**change)
    ran = ops("doctor", "--json")
    assert ran.code == 1
    assert line in lines(ran, "embedding")[0]


def test_before_the_first_up_an_embedding_service_that_refuses_the_key_is_a_finding(ops, project, world):
    world.keys.clear()
    ran = ops("doctor", "--json")
    assert ran.code == 1
    [line] = lines(ran, "embedding")
    assert "(HTTP 401); the embedding service refuses the key" in line


def test_before_the_first_up_an_embedding_service_that_only_the_cluster_reaches_is_not_checked(ops, project):
    project.embedding(url="http://127.0.0.1:9/v1/embeddings")
    ran = ops("doctor", "--json")
    assert (ran.code, lines(ran)) == (0, [])
    assert any("127.0.0.1 has a private address, which this machine does not reach" in x for x in ran.json["unchecked"])


def test_an_embedding_service_that_refuses_the_key_is_a_finding(ops, filled, world):
    world.keys.clear()
    ran = ops("doctor", "--json")
    assert ran.code == 1
    assert "the embedding service refuses the key" in lines(ran, "embedding")[0]
    assert "row id=1" in " ".join(lines(ran, "docs"))


def test_an_embedding_service_that_is_down_is_a_finding(ops, filled, world):
    def closed(request):
        raise Lost

    world.embeddings._order = closed
    ran = ops("doctor", "--json")
    assert ran.code == 1
    assert "PolarSearch cannot reach the embedding service" in lines(ran, "embedding")[0]
    assert "row id=1" in " ".join(lines(ran, "docs"))


def test_a_missing_grant_comes_with_the_statement_that_grants_it(ops, project, world):
    world.sql("CREATE USER 'limited'@'%' IDENTIFIED BY 'limited-password'")
    world.sql("GRANT SELECT ON db.docs TO 'limited'@'%'")
    project.configure(connection={**project.blocks["connection"], "database_user": "limited"})
    ran = ops("doctor", "--json", environ={"POLARDB_PASSWORD": "limited-password"})
    assert ran.code == 1
    granted = [statement for each in ran.json["findings"] for statement in each["statements"]]
    assert set(granted) == {
        "GRANT ALTER ON `db`.`docs` TO `limited`@`%`",
        "GRANT EXECUTE ON `dbms_etl`.* TO `limited`@`%`",
    }
    for statement in granted:
        world.sql(statement)
    assert ops("doctor", environ={"POLARDB_PASSWORD": "limited-password"}).code == 0
    assert "limited-password" not in ran.stdout + ran.stderr


def test_a_table_without_a_key_is_a_finding(ops, project, world):
    world.sql("CREATE TABLE db.keyless (id INT, body TEXT)")
    [docs] = project.blocks["collections"]
    project.collection(source={**docs["source"], "table": "db.keyless"})
    ran = ops("doctor", "--json")
    assert ran.code == 1
    assert any("is no primary or unique key of db.keyless, which has none" in line for line in lines(ran))


def test_a_private_address_is_a_finding(ops, project, world):
    world.search(
        "PUT", "/_cluster/settings", {"persistent": {"plugins.ml_commons.connector.private_ip_enabled": False}}
    )
    project.embedding(url="https://10.1.2.3/v1/embeddings")
    ran = ops("doctor", "--json")
    assert (ran.code, lines(ran)) == (1, [HOST])


def test_an_object_that_no_state_knows_is_a_finding(ops, filled, world):
    orphan = {"description": "Left [pulumi:polardb-semantic-search/test/gone#0123456789abcdef]", "processors": []}
    world.search("PUT", "/_ingest/pipeline/left-behind", orphan)
    other = {**orphan, "description": "Another's [pulumi:polardb-semantic-search/prod/gone#0123456789abcdef]"}
    world.search("PUT", "/_ingest/pipeline/of-another-stack", other)
    ran = ops("doctor", "--json")
    [found] = ran.json["findings"]
    assert "ingest pipeline left-behind carries our owner reference" in found["line"]
    assert found["statements"] == ["DELETE /_ingest/pipeline/left-behind"]


def test_a_link_in_trouble_and_the_row_that_its_pipeline_refuses_are_findings(ops, filled, world, eventually):
    filled.collection(long_texts="refuse")
    filled.up()
    world.sql("INSERT INTO db.docs (id, body) VALUES (0, %s)", "long " * 9000)

    def in_trouble():
        ran = ops("doctor", "--json")
        return ran if any("job recovering" in line for line in lines(ran)) else None

    ran = eventually(in_trouble)
    assert ran.code == 1
    assert any("its pipeline refuses row id=0" in line for line in lines(ran, "docs"))


def test_a_url_that_is_not_trusted_any_more_is_a_finding(ops, filled, world):
    trusted = {"plugins.ml_commons.trusted_connector_endpoints_regex": ["^https://elsewhere/.*$"]}
    world.search("PUT", "/_cluster/settings", {"persistent": trusted})
    ran = ops("doctor", "--json")
    assert any("any more: `pulumi up --refresh` adds it again" in line for line in lines(ran, "embedding"))
