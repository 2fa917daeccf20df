"""Promises of the application as a whole: its state survives, its faults happen, threads may share it."""

import json
import os
import signal
import subprocess
import sys
import threading

import httpx
import pytest

from sandbox.polarsearch import PolarSearch
from sandbox.polarsearch.versions import SINCE, Version
from sandbox.wire import Lost, serve


def test_everything_answered_is_there_again_after_the_process_was_killed(make, client_for, clock, tmp_path):
    store = tmp_path / "search.sqlite"
    program = (
        "import os, pathlib, sys, json\n"
        "from sandbox.polarsearch import PolarSearch\n"
        "from sandbox.wire import Request\n"
        "search = PolarSearch(store=pathlib.Path(sys.argv[1]))\n"
        "def ask(method, target, body):\n"
        "    data = json.dumps(body).encode()\n"
        "    search.handle(Request.of(method, target, {'content-type': 'application/json'}, data))\n"
        "ask('PUT', '/_cluster/settings', {'persistent': {'cluster.metadata.mark': 'kept'}})\n"
        "ask('PUT', '/_ingest/pipeline/p', {'processors': []})\n"
        "vector = {'properties': {'v': {'type': 'knn_vector', 'dimension': 2}}}\n"
        "ask('PUT', '/i', {'mappings': vector, 'aliases': {'a': {}}})\n"
        "ask('PUT', '/i/_doc/1', {'v': [0.1, 0.2], 't': 'kept'})\n"
        "print('answered', flush=True)\n"
        "sys.stdin.read()\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(store)], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"answered\n"
        os.kill(child.pid, signal.SIGKILL)
    client = client_for(make(store=store))
    assert client.ok("GET", "/_cluster/settings")["persistent"] == {"cluster": {"metadata": {"mark": "kept"}}}
    assert client.ok("GET", "/_ingest/pipeline/p") == {"p": {"processors": []}}
    assert client.ok("GET", "/a/_doc/1")["_source"] == {"v": [0.1, 0.2], "t": "kept"}
    assert client.ids("i", {"match": {"t": "kept"}}) == ["1"]


def test_the_store_can_be_read_by_its_owner_only(make, tmp_path):
    make(store=tmp_path / "search.sqlite")
    assert (tmp_path / "search.sqlite").stat().st_mode & 0o077 == 0


def test_a_node_keeps_its_identity_and_its_deployed_models(make, client_for, clock, deploying, tmp_path):
    first = make(store=tmp_path / "s")
    model = deploying(client_for(first), clock)
    before = client_for(first).ok("GET", "/")["cluster_uuid"]
    first.close()
    client = client_for(make(store=tmp_path / "s"))
    assert client.ok("GET", "/")["cluster_uuid"] == before
    assert client.ok("GET", f"/_plugins/_ml/models/{model}")["model_state"] == "DEPLOYED"


@pytest.mark.parametrize("kind", [429, 500, 502, 503, 504])
def test_a_fault_answers_instead_of_acting_as_often_as_it_was_asked_to(application, client, kind):
    application.faults.add("PUT", "/i*", kind, times=2)
    assert [client.raw("PUT", "/index", {}).status for _ in range(3)] == [kind, kind, 200]


def test_a_lost_answer_was_acted_upon_and_a_refused_request_was_not(application, client):
    application.faults.add("PUT", "/lost", "lost")
    application.faults.add("PUT", "/refused", "refused")
    for name in ("lost", "refused"):
        with pytest.raises(Lost):
            client.raw("PUT", f"/{name}", {})
    assert [client.raw("HEAD", f"/{name}").status for name in ("lost", "refused")] == [200, 404]


def test_a_slow_answer_waits_as_long_as_it_was_told_to(make, client_for):
    waited: list[float] = []
    application = make(sleep=waited.append)
    application.faults.add("*", "/", "slow", seconds=2.5)
    assert client_for(application).raw("GET", "/").status == 200
    assert waited == [2.5]


def test_a_fault_can_let_some_requests_pass_first(application, client):
    application.faults.add("GET", "/", 503, skip=2)
    assert [client.raw("GET", "/").status for _ in range(4)] == [200, 200, 503, 200]


def test_a_fault_of_no_known_kind_is_refused(application):
    with pytest.raises(ValueError, match="lost, refused, slow or an HTTP status"):
        application.faults.add("GET", "/", "broken")


def test_faults_and_counts_are_reachable_over_a_socket(application):
    running = serve(application.handle)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", trust_env=False) as http:
            fault = {"method": "PUT", "path": "/i", "kind": "lost", "times": 1}
            assert len(http.post("/_sandbox/faults", json=fault).json()["faults"]) == 1
            with pytest.raises(httpx.RemoteProtocolError):
                http.put("/i")
            assert http.get("/i").status_code == 200
            counted = http.delete("/_sandbox/requests").json()
            assert counted == {"total": 2, "requests": {"PUT /{index}": 1, "GET /{index}": 1}}
            assert http.get("/_sandbox/requests").json()["total"] == 0
            assert http.post("/_sandbox/faults", json={"kind": "x"}).status_code == 400
            assert http.delete("/_sandbox/faults").json() == {"faults": []}
    finally:
        running.stop()


def test_a_slow_embedding_service_holds_up_nobody_else(make, client_for, clock, deploying, embeddings):
    entered, leave = threading.Event(), threading.Event()

    def slow(*request):
        entered.set()
        assert leave.wait(10)
        return embeddings(*request)

    calls = {"now": embeddings}
    application = make(call=lambda *request: calls["now"](*request))
    client = client_for(application)
    model = deploying(client, clock)
    calls["now"] = slow
    path, body = f"/_plugins/_ml/models/{model}/_predict", {"parameters": {"input": ["a"]}}
    waiting = threading.Thread(target=client.ok, args=("POST", path, body))
    waiting.start()
    assert entered.wait(10)
    assert client.raw("PUT", "/meanwhile", {}).status == 200
    leave.set()
    waiting.join(10)
    assert not waiting.is_alive()


def test_threads_write_without_losing_anything(client):
    client.ok("PUT", "/i", {})

    def write(start):
        for number in range(start, start + 50):
            client.ok("PUT", f"/i/_doc/{number}", {"n": number})

    threads = [threading.Thread(target=write, args=(start,)) for start in range(0, 200, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.ok("POST", "/i/_refresh")
    assert client.ok("GET", "/i/_count")["count"] == 200
    found = client.ok("POST", "/i/_search", {"size": 200, "seq_no_primary_term": True})["hits"]["hits"]
    assert sorted(hit["_seq_no"] for hit in found) == list(range(200))


def test_a_body_of_the_wrong_shape_is_an_answer_and_not_an_exception(client):
    assert client("POST", "/_aliases", {"actions": 5})[0] in {400, 500}
    assert client("POST", "/_search", [])[0] in {200, 400, 500}


def test_a_reader_may_read_documents_and_nothing_else(make, client_for):
    application = make(users={"admin": "a", "reader": "r"}, readers={"reader"})
    client_for(application, "admin", "a").ok("PUT", "/i/_doc/1?refresh=true", {"t": "x"})
    reader = client_for(application, "reader", "r")
    assert reader.ids("i", {"match_all": {}}) == ["1"]
    status, reason = reader.reason("GET", "/i/_mapping")
    assert status == 403
    assert reason.startswith("no permissions for [indices:admin/mappings/get] and User [name=reader, ")


@pytest.mark.parametrize("version", ["2.11.0", "2.13.1", "2.19.1", "3.0.0", "3.5.0"])
def test_any_supported_version_says_which_it_is(make, client_for, version):
    client = client_for(make(version=version))
    assert client.ok("GET", "/")["version"]["number"] == version
    client.ok("PUT", "/i", {})
    assert client.ok("GET", "/i/_settings")["i"]["settings"]["index"]["version"]["created"] == Version(version).id


def test_a_connector_needs_a_credential_from_2_19_on(make, client_for, clock, deploying, connector_body):
    for version, status in (("2.18.0", 200), ("2.19.0", 400)):
        client = client_for(make(version=version))
        deploying(client, clock)
        assert client("POST", "/_plugins/_ml/connectors/_create", connector_body(credential={}))[0] == status


def test_deleting_a_connector_in_use_is_500_in_2_11_and_409_since(make, client_for, clock, deploying):
    for version, status in (("2.11.0", 500), ("2.12.0", 409)):
        client = client_for(make(version=version))
        model = deploying(client, clock)
        used = client.ok("GET", f"/_plugins/_ml/models/{model}")["connector_id"]
        assert client("DELETE", f"/_plugins/_ml/connectors/{used}")[0] == status


def test_in_2_11_neither_a_model_nor_a_connector_can_be_changed(make, client_for, clock, deploying):
    for version, status in (("2.11.1", (405, 500)), ("2.12.0", (200, 400))):
        client = client_for(make(version=version))
        model = deploying(client, clock)
        used = client.ok("GET", f"/_plugins/_ml/models/{model}")["connector_id"]
        paths = (f"/_plugins/_ml/models/{model}", f"/_plugins/_ml/connectors/{used}")
        assert tuple(client("PUT", path, {"description": "new"})[0] for path in paths) == status


def test_searching_ml_commons_before_there_is_anything_is_404_in_2_11(make, client_for):
    for version, status in (("2.11.1", 404), ("2.12.0", 200)):
        assert client_for(make(version=version))("POST", "/_plugins/_ml/models/_search", {})[0] == status


CLIENT_CONFIGS = [("2.13.0", 3), ("2.14.0", 3), ("2.15.0", 7), ("3.4.0", 7), ("3.5.0", 8)]


@pytest.mark.parametrize(("version", "known"), CLIENT_CONFIGS)
def test_a_client_config_is_filled_up_with_what_the_version_knows(
    make, client_for, clock, deploying, connector_body, version, known
):
    client = client_for(make(version=version))
    deploying(client, clock)
    body = connector_body(client_config={"max_connection": 5})
    id = client.ok("POST", "/_plugins/_ml/connectors/_create", body)["connector_id"]
    assert len(client.ok("GET", f"/_plugins/_ml/connectors/{id}").get("client_config", {})) == known


@pytest.mark.parametrize(("version", "option"), [("2.12.0", "max_connection"), ("3.4.0", "skip_ssl_verification")])
def test_a_client_config_that_the_version_would_drop_is_refused(
    make, client_for, clock, deploying, connector_body, version, option
):
    client = client_for(make(version=version))
    deploying(client, clock)
    body = connector_body(client_config={option: True if option[0] == "s" else 5})
    status, reason = client.reason("POST", "/_plugins/_ml/connectors/_create", body)
    assert (status, reason) == (400, f"[client_config.{option}] is dropped by OpenSearch {version} (in the sandbox)")


def test_undeploying_what_was_never_deployed_changes_its_state_from_2_19_on(make, client_for, clock, deploying):
    for version, state in (("2.18.0", "REGISTERED"), ("2.19.0", "UNDEPLOYED")):
        client = client_for(make(version=version))
        used = client.ok("GET", f"/_plugins/_ml/models/{deploying(client, clock)}")["connector_id"]
        body = {"name": "idle", "function_name": "remote", "connector_id": used}
        idle = client.ok("POST", "/_plugins/_ml/models/_register", body)["model_id"]
        client.ok("POST", f"/_plugins/_ml/models/{idle}/_undeploy")
        assert client.ok("GET", f"/_plugins/_ml/models/{idle}")["model_state"] == state


def vector(**method):
    return {
        "settings": {"index.knn": True},
        "mappings": {"properties": {"v": {"type": "knn_vector", "dimension": 2, **method}}},
    }


MAPPINGS = [
    ("2.16.0", vector(space_type="l2"), 400),
    ("2.17.0", vector(space_type="l2"), 200),
    ("2.19.0", vector(method={"name": "hnsw", "engine": "nmslib"}), 200),
    ("3.0.0", vector(method={"name": "hnsw", "engine": "nmslib"}), 400),
    ("2.18.0", vector(method={"name": "hnsw", "engine": "faiss", "space_type": "cosinesimil"}), 400),
    ("2.19.0", vector(method={"name": "hnsw", "engine": "faiss", "space_type": "cosinesimil"}), 200),
]


@pytest.mark.parametrize(("version", "body", "status"), MAPPINGS)
def test_what_a_vector_mapping_may_say_depends_on_the_version(make, client_for, version, body, status):
    assert client_for(make(version=version))("PUT", "/i", body)[0] == status


PIPELINES = [
    ("2.15.0", "batch_size", 400),
    ("2.16.0", "batch_size", 200),
]


@pytest.mark.parametrize(("version", "key", "status"), PIPELINES)
def test_what_text_embedding_takes_depends_on_the_version(make, client_for, version, key, status):
    processor = {"text_embedding": {"model_id": "m", "field_map": {"a": "b"}, key: 1}}
    assert client_for(make(version=version))("PUT", "/_ingest/pipeline/p", {"processors": [processor]})[0] == status


HYBRIDS = [("2.19.1", "arithmetic_mean", 400), ("3.0.0", "arithmetic_mean", 200), ("3.0.0", "harmonic_mean", 400)]


@pytest.mark.parametrize(("version", "combination", "status"), HYBRIDS)
def test_z_score_comes_with_3_0_and_goes_with_the_arithmetic_mean_alone(make, client_for, version, combination, status):
    normalizer = {"normalization": {"technique": "z_score"}, "combination": {"technique": combination}}
    body = {"phase_results_processors": [{"normalization-processor": normalizer}]}
    assert client_for(make(version=version))("PUT", "/_search/pipeline/p", body)[0] == status


def test_the_tutorials_score_is_that_of_3_x(make, client_for):
    for version, score in (("2.19.1", 0.9808291), ("3.0.0", 0.44583148)):
        client = client_for(make(version=version))
        for id, text in enumerate(("aaa", "bbb", "ccc"), 1):
            client.ok("PUT", f"/i/_doc/{id}?refresh=true", {"t": text})
        assert client.ok("POST", "/i/_search", {"query": {"match": {"t": "aaa"}}})["hits"]["max_score"] == score


def test_every_gate_holds_in_the_newest_version_and_none_that_came_later_in_the_oldest():
    assert all(Version("3.6.0").has(gate) for gate in SINCE)
    assert not any(Version("2.11.0").has(gate) for gate in SINCE)


def test_a_version_that_is_none_is_refused():
    with pytest.raises(ValueError, match="invalid literal"):
        PolarSearch(version="latest")


def test_secrets_are_in_no_answer(client, clock, deploying):
    model = deploying(client, clock, key="sk-good-secret")
    answers = [client.raw("GET", f"/_plugins/_ml/models/{model}").body]
    bodies: list[dict[str, object]] = [{"query": {"match_all": {}}}, {"_source": ["credential", "name"]}]
    for body in bodies:
        answers += [client.raw("POST", f"/_plugins/_ml/{kind}/_search", body).body for kind in ("connectors", "models")]
    assert all(json.loads(answer) and b"sk-good-secret" not in answer for answer in answers)
