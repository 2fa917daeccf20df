"""The text of a vector field: which processors make it, and what is left of them."""

from __future__ import annotations

import pytest

from providers.services.texts import (
    BESIDE,
    JOIN,
    LONGEST,
    SPLIT,
    UNLIMITED,
    Chunking,
    EmbeddedText,
    processors_after,
    processors_before,
)

PLAIN = EmbeddedText("v", ["text"])
CUT = EmbeddedText("v", ["text"], token_limit=8192)
JOINED = EmbeddedText("v", ["title", "body"], labels={"title": "Title"}, separator=" ")
CHUNKED = EmbeddedText("v", ["text"], token_limit=8192, chunking=Chunking(384, 0.2, 100))


@pytest.mark.parametrize(
    ("text", "embedded", "path"),
    [
        (PLAIN, "text", "v"),
        (CUT, "v_embedded_text", "v"),
        (JOINED, "v_embedded_text", "v"),
        (CHUNKED, "v_embedded_passages", "v.knn"),
        (EmbeddedText("o.v", ["text"], token_limit=64), "o_v_embedded_text", "o.v"),
    ],
)
def test_what_is_embedded_and_where_its_vector_is(text, embedded, path):
    assert (text.embedded, text.vector_path) == (embedded, path)


def test_a_text_that_is_a_field_as_it_is_needs_no_processor():
    assert (processors_before([PLAIN]), processors_after([PLAIN])) == ([], [])


def test_a_text_that_is_cut_or_joined_is_made_by_one_script_and_removed():
    [script] = processors_before([CUT])
    made = {"fields": ["text"], "labels": [""], "separator": "\n", "text": "v_embedded_text", "bytes": 8176}
    assert script == {"script": {"source": JOIN, "params": made}}
    [script] = processors_before([JOINED])
    made = {"fields": ["title", "body"], "labels": ["Title: ", ""], "separator": " ", "text": "v_embedded_text"}
    assert script["script"]["params"] == {**made, "bytes": UNLIMITED}
    assert processors_after([JOINED]) == [{"remove": {"field": ["v_embedded_text"], "ignore_missing": True}}]


def test_a_chunked_text_is_made_whole_and_its_passages_are_no_longer_than_the_model_takes():
    join, chunk, split = processors_before([CHUNKED])
    assert join["script"]["params"]["bytes"] == UNLIMITED
    options = {"token_limit": 384, "overlap_rate": 0.2, "max_chunk_limit": 101}
    fields = {"v_embedded_text": "v_embedded_passages"}
    assert chunk == {"text_chunking": {"algorithm": {"fixed_token_length": options}, "field_map": fields}}
    assert split["script"]["source"] == SPLIT
    assert (split["script"]["params"]["bytes"], split["script"]["params"]["most"]) == (8176, 100)


def test_passages_are_put_beside_their_vectors_before_all_that_was_made_is_removed():
    beside, remove = processors_after([CHUNKED, EmbeddedText("w", ["title"], token_limit=64)])
    params = {"passages": "v_embedded_passages", "vector": "v"}
    assert beside == {"script": {"source": BESIDE, "params": params}}
    assert remove["remove"]["field"] == ["v_embedded_text", "v_embedded_passages", "w_embedded_text"]


@pytest.mark.parametrize(("tokens", "most"), [(8192, 8176), (64, 48), (5, 4), (10**9, LONGEST)])
def test_a_text_is_cut_below_the_limit_and_within_what_a_loop_of_painless_takes(tokens, most):
    [script] = EmbeddedText("v", ["text"], token_limit=tokens).before
    assert script["script"]["params"]["bytes"] == most
