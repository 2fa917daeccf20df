"""One object of one kind, led by the kind's own verbs as the lifecycle of `provider.py` leads it."""

from __future__ import annotations

import pytest

from providers.kit import NotFound

OWNER = "project/stack/resource"


class Life:
    """Made when constructed, as uid `one`; an update makes it `two`, a takeover `three`."""

    def __init__(self, server, kind, *, bring_up=True, **declared):
        self.kind = kind(server.connections)
        self.inputs = kind.inputs_type(owner=OWNER, **declared)
        assert self.kind.find(self.inputs) is None
        self.id = self.kind.create(self.inputs, "one")
        if bring_up:
            self.kind.bring_up(self.id, self.inputs, "one")

    def read(self):
        return self.kind.read(self.id, self.inputs)

    def changed(self):
        """What a preview would say after a refresh."""
        return self.kind.plan(self.read(), self.inputs)

    def update(self, **changes):
        old = self.read()
        declared = {name: getattr(self.inputs, name) for name in self.inputs.model_fields_set}
        self.inputs = self.kind.inputs_type(**{**declared, **changes})
        self.kind.update(self.id, old, self.inputs, "two")
        self.kind.bring_up(self.id, self.inputs, "two")

    def take_over(self):
        """As another create of the same declaration does."""
        id, state = self.kind.find(self.inputs)
        assert id == self.id
        self.kind.update(self.id, state, self.inputs, "three")
        self.kind.bring_up(self.id, self.inputs, "three")

    def drop(self):
        self.kind.delete(self.id, self.read())
        with pytest.raises(NotFound):
            self.read()
