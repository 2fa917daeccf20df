"""Mapping parameters and index settings with values to try: defaults, others, and loose spellings of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

BASES: Mapping[str, Mapping[str, Any]] = {
    **{
        name: {"type": name}
        for name in (
            *("text", "keyword", "wildcard", "match_only_text", "search_as_you_type", "completion"),
            *("long", "integer", "short", "byte", "double", "float", "half_float", "unsigned_long"),
            *("boolean", "date", "date_nanos", "binary", "ip", "geo_point", "rank_feature", "rank_features"),
            *("integer_range", "long_range", "float_range", "double_range", "date_range", "ip_range"),
            *("object", "nested", "flat_object"),
        )
    },
    "scaled_float": {"type": "scaled_float", "scaling_factor": 10},
    "token_count": {"type": "token_count", "analyzer": "standard"},
    "alias": {"type": "alias", "path": "g"},
    "constant_keyword": {"type": "constant_keyword", "value": "x"},
    "join": {"type": "join", "relations": {"q": "a"}},
    "text, analyzed": {"type": "text", "analyzer": "english"},
    "text, searched": {"type": "text", "analyzer": "english", "search_analyzer": "standard"},
    "text, with fielddata": {"type": "text", "fielddata": True},
    "search_as_you_type, analyzed": {"type": "search_as_you_type", "analyzer": "english"},
    "completion, analyzed": {"type": "completion", "analyzer": "english"},
    **{
        f"knn_vector, {engine}": {
            "type": "knn_vector",
            "dimension": 8,
            "method": {"name": "hnsw", "engine": engine, "space_type": "l2"},
        }
        for engine in ("faiss", "lucene", "nmslib")
    },
}
"""A field of each type with what it must have, and of some with another parameter that matters to the next."""

ALONE = ("join",)
"""Types of which an index has one field at the most."""

FLAGS = (None, True, False, "true", "false", "", 1, "True", "yes")
ANALYZERS = (None, "standard", "default", "english", "simple", "")
VALUES: Mapping[str, Sequence[Any]] = {
    **dict.fromkeys(
        (
            *("index", "doc_values", "store", "norms", "eager_global_ordinals", "split_queries_on_whitespace"),
            *("fielddata", "index_phrases", "coerce", "ignore_malformed", "ignore_z_value", "enabled"),
            *("include_in_parent", "include_in_root", "preserve_separators", "preserve_position_increments"),
            *("positive_score_impact", "enable_position_increments", "skip_list", "points_only", "include_in_all"),
        ),
        FLAGS,
    ),
    **dict.fromkeys(("analyzer", "search_analyzer", "search_quote_analyzer", "normalizer"), (*ANALYZERS, "lowercase")),
    "boost": (None, 1, "1", "1.0", 2, 2.5, "2.5", 0),
    "contexts": (None, [], [{"name": "c", "type": "category"}], {"name": "c", "type": "category"}),
    "copy_to": (None, "g", ["g"], ["g", "h"], [], ""),
    "dynamic": (*FLAGS, "strict", "strict_allow_templates", "false_allow_templates", "STRICT", "TRUE"),
    "fielddata_frequency_filter": (
        None,
        {},
        {"min": 0.01, "max": 0.1, "min_segment_size": 50},
        {"min": "0.5"},
        {"min": 1},
    ),
    "format": (
        None,
        "strict_date_optional_time||epoch_millis",
        "yyyy-MM-dd",
        "epoch_millis",
        "date_optional_time||epoch_millis",
        "strict_date_time_no_millis||strict_date_optional_time||epoch_millis",
        "",
    ),
    "print_format": (None, "yyyy-MM-dd", "strict_date_optional_time||epoch_millis", ""),
    "ignore_above": (None, 2147483647, 256, "256", "2147483647", 100, 0, 8191, 1.5, -1, ""),
    "index_options": (None, "docs", "freqs", "positions", "offsets", "DOCS", ""),
    "index_prefixes": (
        None,
        {},
        {"min_chars": 1},
        {"min_chars": "1"},
        {"min_chars": 2, "max_chars": 5},
        {"max_chars": 7},
        True,
    ),
    "locale": (None, "ROOT", "root", "en", "en_US", "en-US", "EN", ""),
    "max_input_length": (None, 50, "50", 20, "20", 0),
    "max_shingle_size": (None, 3, "3", 2, 4, 9),
    "meta": (None, {}, {"unit": "x"}, {"unit": 1}, {"unit": "y", "b": "c"}, "x"),
    "path": (None, "g", "h", ["g"], ""),
    "position_increment_gap": (None, 100, "100", 50, "50", 0, -1),
    "relations": (None, {}, {"q": "a"}, {"q": ["a"]}, {"q": ["a", "b"]}, {"q": ["b", "a"]}, {"q": "a", "a": "c"},
                  {"q": "a", "x": "y"}),
    "scaling_factor": (None, 10, "10", 100, 2.5, "2.5", 0),
    "similarity": (None, "BM25", "boolean", "default", ""),
    "term_vector": (
        None,
        "no",
        "yes",
        "with_positions",
        "with_offsets",
        "with_positions_offsets",
        "with_positions_payloads",
        "YES",
        "",
    ),
    "value": (None, "x", "y", 1, True, ""),
    "null_value": (None, "x", "", 0, 1, 5, "5", 1.5, "1.5", 3.14159265, "0.1", True, False, "true", "false",
                   "2020-01-01", 1577836800000,
                   "127.0.0.1", "::1", 18446744073709551615, "9007199254740993"),
    "properties": (None, {}),
    "fields": (None, {}, [], {"k": {"type": "keyword"}}),
    "dimension": (None, 8, "8", 8.0, 16),
    "space_type": (None, "l2", "cosinesimil"),
    "data_type": (None, "float", "byte"),
    "mode": (None, "in_memory", "on_disk"),
    "compression_level": (None, "1x", "2x", "4x", "8x", "16x", "32x"),
    "method.name": (None, "hnsw", "ivf"),
    "method.engine": (None, "faiss", "lucene", "nmslib"),
    "method.space_type": (None, "l2", "innerproduct", "cosinesimil", "l1"),
    "method.parameters": (None, {}),
    "method.parameters.m": (None, 16, "16", 16.0, 8, 2, 16.5),
    "method.parameters.ef_construction": (None, 100, "100", 256, 100.0),
    "method.parameters.ef_search": (None, 100, "100", 50, 100.0),
    "method.parameters.encoder": (
        *(None, {"name": "flat"}, {"name": "sq"}, {"name": "sq", "parameters": {}}),
        *({"name": "sq", "parameters": {"type": x}} for x in ("fp16", "bf16")),
        *({"name": "sq", "parameters": {"type": "fp16", "clip": x}} for x in (True, False, "true", None)),
        *({"name": "sq", "parameters": {"confidence_interval": x}} for x in (1.0, 1, 0.9, "0.9", 0, 0.0, None)),
        *({"name": "sq", "parameters": {"bits": x}} for x in (7, 7.0, "7", 4)),
        *({"name": "binary", "parameters": {"bits": x}} for x in (1, 2, 2.0, 4)),
    ),
}  # fmt: skip

POINTS = (
    None,
    "1,2",
    "-1.5, 20",
    {"lat": 1, "lon": 2},
    {"lat": "1", "lon": 2.0},
    [2, 1],
    "POINT (2 1)",
    "drm3btev3e86",
)
"""What `null_value` of a geo_point is."""


SETTINGS: Mapping[str, Sequence[Any]] = {
    "refresh_interval": ("1s", "1000ms", -1, "-1", "5s"),
    "max_result_window": (10000, "10000", 20000.0),
    "hidden": (False, "false", "FALSE"),
    "auto_expand_replicas": (False, "false", "0-1", "0-all"),
    "gc_deletes": ("60s", "1m", 60),
    "translog.flush_threshold_size": ("512mb", "536870912b", "0.5gb", 536870912),
    "translog.durability": ("async", "ASYNC"),
    "merge.policy.deletes_pct_allowed": (20, 20.0, "20"),
    "query.default_field": ("f", ["f"], ["f", "g"], "f,g"),
    "default_pipeline": ("_none", ""),
    "final_pipeline": ("_none", ""),
    "analysis.analyzer.mine.type": ("standard", "english"),
    "similarity.mine.type": ("BM25", "DFR"),
    "similarity.mine.k1": ("1.2", 1.3),
    "similarity.default.type": ("BM25", "boolean"),
    "routing.allocation.include._name": ("node", "*"),
    "routing.allocation.exclude._name": ("nobody", "none"),
    "routing.allocation.require._name": ("node", "*"),
    "routing.allocation.initial_recovery._name": ("node", "*"),
    "sort.field": ("_score", "f"),
}
"""Settings in more than one spelling, and of groups, whose names the node does not list."""


def values_of(kind: str, name: str) -> Sequence[Any]:
    """Returns the values to try for a parameter of a type."""
    return POINTS if (kind, name) == ("geo_point", "null_value") else VALUES[name]
