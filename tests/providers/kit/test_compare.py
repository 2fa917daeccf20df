from providers.kit import as_declared, flatten_settings, ints_from_floats

TEXT = {"type": "text"}


def test_a_shown_value_is_reduced_to_the_declared_keys():
    shown = {"a": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "size": "5", "added": {"type": "long"}}
    assert as_declared(shown, {"a": {"type": "text"}, "size": 5, "gone": TEXT}) == {"a": {"type": "text"}, "size": 5}


def test_a_drifted_value_is_shown():
    assert as_declared({"a": {"type": "keyword"}}, {"a": TEXT}) == {"a": {"type": "keyword"}}


def test_objects_of_a_list_may_be_completed_too():
    shown = [{"name": "l", "precision": 6}, {"name": "c"}]
    assert as_declared(shown, [{"name": "l"}, {"name": "c"}]) == [{"name": "l"}, {"name": "c"}]
    assert as_declared(shown, [{"name": "l"}]) == shown


def test_settings_are_flattened_to_text():
    settings = {"index": {"refresh_interval": "5s", "knn": {"algo_param.ef_search": 100.0}, "hidden": True}}
    flat = {"refresh_interval": "5s", "knn.algo_param.ef_search": "100", "hidden": "true"}
    assert dict(flatten_settings(settings)) == flat


def test_whole_floats_become_integers():
    assert repr(ints_from_floats({"a": [1.0, 2.5, {"b": 3.0}], "c": "1.0"})) == "{'a': [1, 2.5, {'b': 3}], 'c': '1.0'}"
