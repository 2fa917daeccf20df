"""A vector is of the declared length and type, or is named for what it is."""

from __future__ import annotations

import pytest

from providers.services.embedding_answers import FORMS, NOTHING, misfit, named, unreadable, vector_of


@pytest.mark.parametrize(
    ("answer", "vector"),
    [
        ({"inference_results": [{"output": [{"name": "sentence_embedding", "data": [0.1, 0.2]}]}]}, [0.1, 0.2]),
        ({"inference_results": [{"output": [{"name": "response", "dataAsMap": {}}]}]}, []),
        ({"inference_results": [{"status_code": 200}]}, []),
        ({"inference_results": []}, []),
        ({}, []),
    ],
)
def test_a_vector_is_the_data_of_the_first_output(answer, vector):
    assert vector_of(answer) == vector


@pytest.mark.parametrize(
    ("vector", "vector_type", "what"),
    [
        ([0.5] * 8, "float", ""),
        ([0, 0, 0, 1, 0, 0, 0, 0], "float", ""),
        ([0.0] * 8, "float", ""),
        ([3] * 8, "float", FORMS["int8"]),
        ([200] * 8, "float", FORMS["uint8"]),
        ([3.0] * 8, "byte", ""),
        ([200] * 8, "byte", FORMS["uint8"]),
        ([0.5] * 8, "byte", "floats, not bytes: ask for int8, or write `vector_type: float`"),
        ([3], "float", FORMS["binary"]),
        ([], "float", NOTHING),
        (
            [0.5] * 4,
            "float",
            "vectors of 4 numbers, `dimension` says 8; set `dimension` to 4, or name a model that has 8",
        ),
    ],
)
def test_what_is_no_such_vector_is_named(vector, vector_type, what):
    assert misfit(vector, 8, vector_type) == what


def test_the_request_is_looked_at_only_where_the_answer_does_not_tell():
    def never():
        raise AssertionError

    assert named(FORMS["uint8"], never) == FORMS["uint8"]
    assert named(NOTHING, lambda: '{"output_type": "sparse"}') == FORMS["sparse"]
    assert named(NOTHING, lambda: "{}") == NOTHING


def test_any_other_error_is_none_of_the_answers():
    assert unreadable("Error from remote service: {}") == ""
