"""k-NN's formulas, with the examples of OpenSearch's documentation."""

from __future__ import annotations

import pytest

from ops.vector_memory import bits, space
from providers.services.vector import Vector

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("given", "bytes_a_vector"),
    [
        ({}, 4 * 256 + 8 * 16),
        ({"parameters": {"m": 32}}, 4 * 256 + 8 * 32),
        ({"data_type": "byte"}, 256 + 8 * 16),
        ({"parameters": {"encoder": {"name": "sq", "parameters": {"type": "fp16"}}}}, 2 * 256 + 8 * 16),
        ({"parameters": {"encoder": {"name": "binary", "parameters": {"bits": 2}}}}, 256 * 2 / 8 + 8 * 16),
        ({"mode": "on_disk"}, 256 / 8 + 8 * 16),
        ({"mode": "on_disk", "compression_level": "8x"}, 256 * 4 / 8 + 8 * 16),
        ({"compression_level": "2x"}, 2 * 256 + 8 * 16),
        ({"compression_level": "16x"}, 256 * 2 / 8 + 8 * 16),
        ({"compression_level": "1x"}, 4 * 256 + 8 * 16),
        ({"engine": "lucene"}, 0),
    ],
    ids=str,
)
def test_native_memory_of_a_million_vectors(given, bytes_a_vector):
    vector = Vector.model_validate({"dimension": 256, **given})
    taken = space(vector, MILLION, 1, in_source=False)
    assert taken.native_memory == pytest.approx(1.1 * bytes_a_vector * MILLION, abs=1)


def test_the_example_of_the_documentation():
    """A million vectors of 256 numbers, m 16: 1.267 GB."""
    taken = space(Vector(dimension=256), MILLION, 1, in_source=False)
    assert taken.native_memory / 1e9 == pytest.approx(1.267, abs=0.001)


def test_a_replica_doubles_what_is_taken():
    one, two = (space(Vector(dimension=8), 1000, copies, in_source=True) for copies in (1, 2))
    assert (two.native_memory, two.disk) == (2 * one.native_memory, 2 * one.disk)


def test_what_source_keeps_is_on_disk_alone():
    lean, kept = (space(Vector(dimension=8), 1000, 1, in_source=each) for each in (False, True))
    assert kept.native_memory == lean.native_memory
    assert kept.disk > lean.disk


@pytest.mark.parametrize(("engine", "size"), [("faiss", 16), ("lucene", 8)])
def test_an_encoder_without_bits_has_its_engine_s_default(engine, size):
    assert (
        bits(Vector.model_validate({"dimension": 8, "engine": engine, "parameters": {"encoder": {"name": "sq"}}}))
        == size
    )
