"""What the versions of OpenSearch do differently: the kinds ask which one it is, and choose.

The emulator plays each version. A real one is 2.19.1 alone, since Maven Central has the plugins of no other: what is
told of 2.19.1 was seen on it, and is asked of it again with `-p tests.real.plugin`. What is told of any other version,
3.x included, rests on the sources at its tag, which each story names, and on the emulator having read them right.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from providers.alias import AliasKind
from providers.connector import ConnectorKind
from providers.index import IndexKind
from providers.ingest_pipeline import IngestPipelineKind
from providers.kit import Refused
from providers.model import ModelKind
from providers.model_group import ModelGroupKind
from providers.search_pipeline import SearchPipelineKind
from providers.services import advice
from providers.services.texts import PASSAGES
from providers.trusted_endpoint import TrustedEndpointKind
from tests.conformance.life import Life
from tests.conformance.server import GOOD_KEY, ML, Server, connector_body, is_real
from tests.conformance.test_advice import (
    deleting_a_connector_in_use,
    deleting_a_deployed_model,
    deleting_a_group_in_use,
)

PATTERN = "^http://127\\.0\\.0\\.1:1/.*$"
PROVIDERS = pathlib.Path(__file__).parents[2] / "providers"
REAL = "2.19.1"
Story = Callable[[Server], None]


def connector(server, **changes):
    [action] = connector_body(server.embeddings_url, GOOD_KEY, "hashing")["actions"]
    declared = {"name": "connector", "parameters": {"model": "hashing"}, "credential": {"api_key": GOOD_KEY}}
    return {**declared, "actions": [action], **changes}


def model(server, **changes):
    uses = {"connector_id": server.connector(), "group_id": server.group()}
    return {"name": "model", "dimension": 1024, "space": "hashing/1024", **uses, **changes}


def vector(**declared):
    return {"name": "docs", "replicas": 0, "vectors": {"v": {"dimension": 4, **declared}}}


def works(server, kind, **declared):
    life = Life(server, kind, **declared)
    assert not life.changed()
    life.drop()


def is_refused(server, kind, line, **declared):
    with pytest.raises(Refused, match=line):
        Life(server, kind, **declared)


def private_addresses_are_no_setting(server):
    """ml-commons 2.14: MLCommonsSettings has no ML_COMMONS_CONNECTOR_PRIVATE_IP_ENABLED."""
    line = r"private needs OpenSearch 2\.15 or later; give the service a public address"
    is_refused(server, TrustedEndpointKind, line, pattern=PATTERN, private=True)


def private_addresses_are_a_setting(server):
    works(server, TrustedEndpointKind, pattern=PATTERN, private=True)


def what_exists_keeps_its_mark(server):
    """ml-commons 2.11: there is no RestMLUpdateModelAction, and RestMLUpdateConnectorAction is off by default."""
    life, other = Life(server, ModelKind, **model(server)), Life(server, ConnectorKind, **connector(server))
    assert (life.kind.find(life.inputs), other.kind.find(other.inputs)) == (None, None)
    server.ok("POST", f"{ML}/models/{life.id}/_undeploy")
    life.update()
    assert (life.read().model_state, life.read().uid) == ("DEPLOYED", "one")
    with pytest.raises(Refused, match=r"model model: changing name needs OpenSearch 2\.12 or later; replace it"):
        life.update(name="renamed")


def what_exists_is_taken_over(server):
    """ml-commons 2.12: UpdateModelTransportAction, also of a deployed model; UpdateConnectorTransportAction.

    That looks for models of a connector by the words of its id. On a node in whose ids two hyphens enclose a word, any
    deployed model seems to use any connector (seen on 2.19.1), so the connector comes first.
    """
    for kind, inputs in ((ConnectorKind, connector), (ModelKind, model)):
        life = Life(server, kind, **inputs(server))
        life.take_over()
        assert life.read().uid == "three"


def a_group_is_only_searched_for(server):
    """ml-commons 2.11: no RestMLGetModelGroupAction; TransportUpdateModelGroupAction does not refresh."""
    life = Life(server, ModelGroupKind, name="group")
    assert server.ask("GET", f"{ML}/model_groups/{life.id}").status == 405
    life.update(description="changed")
    assert (life.read().description, life.read().uid) == ("changed", "two")


def a_group_is_read_by_its_id(server):
    """ml-commons 2.12: RestMLGetModelGroupAction."""
    life = Life(server, ModelGroupKind, name="group")
    life.update(description="changed")
    assert server.ok("GET", f"{ML}/model_groups/{life.id}")["description"].startswith("changed")
    assert (life.read().description, life.read().uid) == ("changed", "two")


def a_client_config_would_be_dropped(server):
    """ml-commons 2.12: MLCreateConnectorInput skips what it does not know."""
    line = r"client_config max_connection needs OpenSearch 2\.13 or later; leave it out"
    is_refused(server, ConnectorKind, line, **connector(server, client_config={"max_connection": 5}))


def a_client_config_is_kept(server):
    """ml-commons 2.13: ConnectorClientConfig, filled up with its defaults."""
    works(server, ConnectorKind, **connector(server, client_config={"max_connection": 5}))


def retries_would_be_dropped(server):
    """ml-commons 2.14: ConnectorClientConfig has three options."""
    line = r"client_config max_retry_times needs OpenSearch 2\.15 or later; leave it out"
    is_refused(server, ConnectorKind, line, **connector(server, client_config={"max_retry_times": 3}))


def retries_are_kept(server):
    """ml-commons 2.15: ConnectorClientConfig has four more."""
    works(server, ConnectorKind, **connector(server, client_config={"max_retry_times": 3}))


def skipping_verification_would_be_dropped(server):
    """ml-commons 3.4: ConnectorClientConfig does not have it."""
    line = r"client_config skip_ssl_verification needs OpenSearch 3\.5 or later; leave it out"
    is_refused(server, ConnectorKind, line, **connector(server, client_config={"skip_ssl_verification": True}))


def skipping_verification_is_kept(server):
    """ml-commons 3.5: ConnectorClientConfig has it."""
    works(server, ConnectorKind, **connector(server, client_config={"skip_ssl_verification": True}))


def a_connector_needs_no_credential(server):
    """ml-commons 2.18: MLCreateConnectorInput does not look at it."""
    bare = {**connector_body(server.embeddings_url, "", "m"), "credential": {}}
    assert server.ask("POST", f"{ML}/connectors/_create", bare).status == 200
    works(server, ConnectorKind, **connector(server, name="ours", credential=None))


def a_connector_gets_a_placeholder(server):
    """ml-commons 2.19: MLCreateConnectorInput wants one."""
    bare = {**connector_body(server.embeddings_url, "", "m"), "credential": {}}
    assert server.ask("POST", f"{ML}/connectors/_create", bare).status == 400
    works(server, ConnectorKind, **connector(server, name="ours", credential=None))


def function(server, pre="openai.embedding", post="openai.embedding"):
    [action] = connector(server)["actions"]
    pre, post = f"connector.pre_process.{pre}", f"connector.post_process.{post}"
    return connector(server, actions=[{**action, "pre_process_function": pre, "post_process_function": post}])


def bedrocks_functions_are_unknown(server):
    """ml-commons 2.11: MLPreProcessFunction, MLPostProcessFunction."""
    line = r"connector connector: .*pre_process\.bedrock\.embedding needs OpenSearch 2\.12 or later; write a script"
    is_refused(server, ConnectorKind, line, **function(server, "bedrock.embedding"))


def bedrocks_functions_are_known(server):
    """ml-commons 2.12: MLPreProcessFunction, MLPostProcessFunction."""
    works(server, ConnectorKind, **function(server, "bedrock.embedding", "bedrock.embedding"))


def functions_by_type_are_unknown(server):
    """ml-commons 2.19: MLPostProcessFunction."""
    for post in ("cohere_v2.embedding.int8", "bedrock_v2.embedding.float"):
        line = rf"connector\.post_process\.{post} needs OpenSearch 3\.0 or later; write a script"
        is_refused(server, ConnectorKind, line, **function(server, post=post))


def functions_by_type_are_known(server):
    """ml-commons 3.0: MLPostProcessFunction."""
    works(server, ConnectorKind, **function(server, post="cohere_v2.embedding.int8"))


def novas_functions_are_unknown(server):
    """ml-commons 3.3: MLPreProcessFunction."""
    line = r"connector\.pre_process\.bedrock\.nova\.text_embedding needs OpenSearch 3\.4 or later; write a script"
    is_refused(server, ConnectorKind, line, **function(server, "bedrock.nova.text_embedding"))


def novas_functions_are_known(server):
    """ml-commons 3.4: MLPreProcessFunction."""
    works(server, ConnectorKind, **function(server, "bedrock.nova.text_embedding"))


BYTES = {"data_type": "byte", "space_type": "l2"}


def faiss_does_not_know_bytes(server):
    """k-NN 2.16: FaissHNSWMethod."""
    is_refused(server, IndexKind, r"v: faiss knows bytes from OpenSearch 2\.17; use engine lucene", **vector(**BYTES))
    works(server, IndexKind, **vector(engine="lucene", **BYTES))


def faiss_knows_bytes(server):
    """k-NN 2.17: FaissHNSWMethod."""
    works(server, IndexKind, **vector(**BYTES))


def faiss_does_not_know_cosines(server):
    """k-NN 2.18: FaissHNSWMethod."""
    is_refused(server, IndexKind, r"v: faiss knows cosinesimil from OpenSearch 2\.19; use innerproduct", **vector())
    works(server, IndexKind, **vector(space_type="innerproduct"))
    works(server, IndexKind, **vector(engine="lucene"))


def faiss_knows_cosines(server):
    """k-NN 2.19: FaissHNSWMethod."""
    works(server, IndexKind, **vector())


def vectors_cannot_be_compressed(server):
    """k-NN 2.16: KNNVectorFieldMapper has neither parameter."""
    line = r"v: mode and compression_level came with OpenSearch 2\.17; declare it without"
    smaller = {"mode": "on_disk", "compression_level": "32x"}
    is_refused(server, IndexKind, line, **vector(space_type="l2", **smaller))


def vectors_are_compressed(server):
    """k-NN 2.17: KNNVectorFieldMapper."""
    half = {"encoder": {"name": "sq", "parameters": {"type": "fp16"}}}
    works(server, IndexKind, **vector(space_type="l2", mode="on_disk", compression_level="32x", parameters={"m": 8}))
    works(server, IndexKind, **vector(space_type="l2", mode="in_memory", parameters=half))
    works(server, IndexKind, **vector(engine="lucene", compression_level="4x"))


PASSAGE = {"name": "docs", "replicas": 0, "properties": {"v": PASSAGES}}
PASSAGE |= {"vectors": {"v.knn": {"dimension": 1024, "engine": "lucene"}}}


def asked_for_passages(server):
    """A nested query by text alone, of an index whose search pipeline has the model."""
    find = {"request_processors": [{"neural_query_enricher": {"default_model_id": server.model(server.connector())}}]}
    server.ok("PUT", "/_search/pipeline/find", find)
    inside = {"knn": {"type": "knn_vector", "dimension": 1024, "method": {"name": "hnsw", "engine": "lucene"}}}
    server.index("k", {"knn": True, "search.default_pipeline": "find"}, v={"type": "nested", "properties": inside})
    nearest = {"neural": {"v.knn": {"query_text": "a mug", "k": 1}}}
    return server.ask("POST", "/k/_search", {"query": {"nested": {"path": "v", "query": nearest}}})


def passages_get_no_default_model(server):
    """OpenSearch 2.15: NestedQueryBuilder has no visit, by which the enricher would reach inside (#14739)."""
    line = r"v\.knn: a query by text alone reaches nested vectors from OpenSearch 2\.16; embed texts whole"
    is_refused(server, IndexKind, line, **PASSAGE)
    assert asked_for_passages(server).reason == "modelId is marked non-null but is null"


def passages_get_the_default_model(server):
    """OpenSearch 2.16: NestedQueryBuilder.visit."""
    works(server, IndexKind, **PASSAGE)
    assert asked_for_passages(server).status == 200


def nmslib_makes_indexes(server):
    """k-NN 2.19: NmslibHNSWMethod."""
    works(server, IndexKind, **vector(engine="nmslib", space_type="l2"))


def nmslib_is_gone(server):
    """k-NN 3.0: KNNVectorFieldMapper, validateBlockedKNNEngine."""
    line = r"v: engine nmslib is removed from OpenSearch 3\.0; use faiss"
    is_refused(server, IndexKind, line, **vector(engine="nmslib", space_type="l2"))
    works(server, IndexKind, **vector(space_type="l2"))


PIPELINE = {"name": "p", "model_id": "m"}
EMBEDDED = {**PIPELINE, "field_map": {"text": "vector"}}


def texts_are_embedded_singly(server):
    """neural-search 2.15: TextEmbeddingProcessorFactory is no AbstractBatchingProcessor.Factory yet."""
    line = r"ingest pipeline p: batch_size needs OpenSearch 2\.16 or later; leave it out"
    is_refused(server, IngestPipelineKind, line, **EMBEDDED, batch_size=10)
    works(server, IngestPipelineKind, **EMBEDDED)


def texts_are_embedded_in_batches(server):
    """neural-search 2.16: TextEmbeddingProcessorFactory."""
    works(server, IngestPipelineKind, **EMBEDDED, batch_size=10)


def there_is_no_z_score(server):
    """neural-search 2.19: ScoreNormalizationFactory."""
    line = r"search pipeline p: normalization z_score needs OpenSearch 3\.0 or later; use min_max or l2"
    is_refused(server, SearchPipelineKind, line, **PIPELINE, normalization="z_score")
    works(server, SearchPipelineKind, **PIPELINE, normalization="l2")


def there_is_z_score(server):
    """neural-search 3.0: ScoreNormalizationFactory, isTechniquesCompatible."""
    works(server, SearchPipelineKind, **PIPELINE, normalization="z_score")
    body = {"normalization": {"technique": "z_score"}, "combination": {"technique": "harmonic_mean"}}
    pipeline = {"phase_results_processors": [{"normalization-processor": body}]}
    assert server.ask("PUT", "/_search/pipeline/other", pipeline).status == 400  # which no inputs of ours may say


@dataclass(frozen=True)
class Gate:
    """A choice in `file`: what is told of `last`, the last version before it, and of `first`, the first since."""

    file: str
    last: str
    before: Story
    first: str
    since: Story

    @property
    def told(self) -> dict[str, Story]:
        """By version. What is told of the real one is what is told of its side."""
        real = self.since if numbers(REAL) >= numbers(self.first) else self.before
        return {self.last: self.before, self.first: self.since, REAL: real}


def numbers(version):
    return tuple(map(int, version.split(".")))


GATES = [
    Gate("trusted_endpoint.py", "2.14.0", private_addresses_are_no_setting, "2.15.0", private_addresses_are_a_setting),
    Gate("mlcommons.py", "2.11.1", what_exists_keeps_its_mark, "2.12.0", what_exists_is_taken_over),
    Gate("model_group.py", "2.11.1", a_group_is_only_searched_for, "2.12.0", a_group_is_read_by_its_id),
    Gate("connector.py", "2.11.1", bedrocks_functions_are_unknown, "2.12.0", bedrocks_functions_are_known),
    Gate("connector.py", "2.19.1", functions_by_type_are_unknown, "3.0.0", functions_by_type_are_known),
    Gate("connector.py", "3.3.2", novas_functions_are_unknown, "3.4.0", novas_functions_are_known),
    Gate("connector.py", "2.12.0", a_client_config_would_be_dropped, "2.13.0", a_client_config_is_kept),
    Gate("connector.py", "2.14.0", retries_would_be_dropped, "2.15.0", retries_are_kept),
    Gate("connector.py", "2.18.0", a_connector_needs_no_credential, "2.19.0", a_connector_gets_a_placeholder),
    Gate("connector.py", "3.4.0", skipping_verification_would_be_dropped, "3.5.0", skipping_verification_is_kept),
    Gate("index.py", "2.16.0", faiss_does_not_know_bytes, "2.17.0", faiss_knows_bytes),
    Gate("index.py", "2.15.0", passages_get_no_default_model, "2.16.0", passages_get_the_default_model),
    Gate("index.py", "2.16.0", vectors_cannot_be_compressed, "2.17.0", vectors_are_compressed),
    Gate("index.py", "2.18.0", faiss_does_not_know_cosines, "2.19.0", faiss_knows_cosines),
    Gate("index.py", "2.19.1", nmslib_makes_indexes, "3.0.0", nmslib_is_gone),
    Gate("ingest_pipeline.py", "2.15.0", texts_are_embedded_singly, "2.16.0", texts_are_embedded_in_batches),
    Gate("search_pipeline.py", "2.19.1", there_is_no_z_score, "3.0.0", there_is_z_score),
]
STORIES = [told for gate in GATES for told in gate.told.items()]
VERSIONS = ["2.11.1", "2.12.0", "2.18.0", REAL, "3.3.2"]


def pytest_generate_tests(metafunc):
    """The emulator plays every version; a real one is what it is, and is asked what is told of that."""
    real, names = is_real(metafunc.config), metafunc.fixturenames
    if "story" in names:
        told = [(version, story) for version, story in STORIES if version == REAL or not real]
        ids = [f"{story.__name__}-{version}-{'seen' if version == REAL else 'sources'}" for version, story in told]
        cases = [("real" if real else version, story) for version, story in told]
        metafunc.parametrize(("server", "story"), cases, indirect=["server"], ids=ids)
    elif "server" in names:
        metafunc.parametrize("server", ["real"] if real else VERSIONS, indirect=True)


def test_the_kinds_choose_by_the_version(server, story):
    server.trust()
    story(server)


GATED = re.compile(r"\((\d+), (\d+), 0\)")


def test_every_choice_in_the_kinds_code_is_told():
    """Versions are written (2, 16, 0), and asked for as `search.version`."""
    texts = {path.name: path.read_text() for path in PROVIDERS.rglob("*.py")}
    chosen = {(name, *map(int, found)) for name, text in texts.items() for found in GATED.findall(text)}
    assert chosen == {(gate.file, *numbers(gate.first)[:2]) for gate in GATES}
    asking = {name for name, text in texts.items() if "search.version" in text}
    assert asking - {"connections.py"} == {gate.file for gate in GATES}


CONNECTOR, GROUP, DEPLOYED = "delete or repoint those models", "delete the models of this group", "it is still in use"
STATUSES = {
    deleting_a_connector_in_use: (500, (2, 12), 409, CONNECTOR),
    deleting_a_deployed_model: (500, (2, 12), 400, DEPLOYED),
    deleting_a_group_in_use: (500, (2, 19), 409, GROUP),
}
"""What ML Commons refuses with another status from some version on (its three Delete…TransportActions)."""


@pytest.mark.parametrize("provoke", STATUSES, ids=lambda provoke: provoke.__name__)
def test_a_refusal_is_known_by_its_words_whatever_its_status(server, provoke):
    server.trust()
    before, since, after, fix = STATUSES[provoke]
    answer = provoke(server)
    assert answer.status == (after if server.connections.search.version >= since else before)
    assert advice.for_search(answer.status, answer.reason).startswith(fix)


def aliased(server):
    server.index("one")
    server.index("two")
    return {"name": "docs", "index": "one"}


LIVES = {
    TrustedEndpointKind: (lambda server: {"pattern": PATTERN}, None),
    ModelGroupKind: (lambda server: {"name": "group"}, {"description": "changed"}),
    ConnectorKind: (connector, None),
    ModelKind: (model, {"description": "changed"}),
    IngestPipelineKind: (lambda server: EMBEDDED, {"model_id": "n", "skip_blank": False}),
    SearchPipelineKind: (lambda server: PIPELINE, {"weights": [0.5, 0.5], "normalization": "l2"}),
    IndexKind: (lambda server: vector(space_type="l2"), {"properties": {"text": {"type": "text"}}, "replicas": 1}),
    AliasKind: (aliased, {"index": "two"}),
}
"""How an object of each kind is declared, and what then changes in place."""


@pytest.mark.parametrize("kind", LIVES, ids=lambda kind: kind.__name__)
def test_a_whole_life_in_every_version(server, kind):
    server.trust()
    declared, changes = LIVES[kind]
    life = Life(server, kind, **declared(server))
    assert not life.changed()
    keeps_its_mark = kind in (ModelKind, ConnectorKind) and life.kind.search.version < (2, 12)
    if changes and not keeps_its_mark:
        life.update(**changes)
        assert (bool(life.changed()), life.read().uid) == (False, "two")
    if not keeps_its_mark:
        life.take_over()
        assert (bool(life.changed()), life.read().uid) == (False, "three")
    life.drop()


def test_every_kind_of_polarsearch_has_its_life():
    files = {path.stem for path in PROVIDERS.glob("*.py") if 'module="polarsearch"' in path.read_text()}
    of_no_service = {"deletion_guard", "garbage_collector"}
    assert files - of_no_service == {kind.__module__.rpartition(".")[2] for kind in LIVES}


def test_what_was_made_together_goes_one_right_after_another(server):
    """As a destroy does it: searches, by which ML Commons finds what is in use, are late for what has just gone."""
    server.trust()
    group = Life(server, ModelGroupKind, name="group")
    used = Life(server, ConnectorKind, **connector(server))
    uses = {"connector_id": used.id, "group_id": group.id}
    embedding = Life(server, ModelKind, name="model", dimension=1024, space="hashing/1024", **uses)
    for life in (embedding, used, group):
        life.drop()
