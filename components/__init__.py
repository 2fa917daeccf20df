"""Components that wire the kinds: a model's id into pipelines, their names into an index, the index into a link."""
