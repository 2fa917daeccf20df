"""The scenarios: the resources and operations of each step. The recorded results are in expected/<name>.json."""


def thing(name, *, opts=None, kind="Thing", **inputs):
    entry = {"name": name, "inputs": {"name": name, **inputs}}
    if kind != "Thing":
        entry = {"name": name, "kind": kind, "inputs": inputs}
    return {**entry, "opts": opts} if opts else entry


def scene(*resources, **outputs):
    return {"resources": list(resources), "outputs": outputs}


def preview(declared):
    return {"do": "preview", "scene": declared}


def up(declared, **extra):
    return {"do": "up", "scene": declared, **extra}


REFRESH = {"do": "refresh"}
DESTROY = {"do": "destroy"}

CHAIN = scene(
    thing("a"), thing("b", value="${a.computed}"), thing("c", value="${b.id}"), first="${a.computed}", last="${c.id}"
)


def generation(g, key="k1", alias_fails=False):
    """Returns model → pipeline → index → link, and an alias of the index; a new key replaces the connector."""
    alias = {"value": "${index.name}", "fail": "update"} if alias_fails else {"value": "${index.name}"}
    return scene(
        {"name": "connector", "inputs": {"name": f"connector-{key}"}},
        {"name": "model", "inputs": {"name": f"model-{g}", "connector": "${connector.id}"}},
        {"name": "pipeline", "inputs": {"name": f"pipeline-{g}", "model": "${model.id}"}},
        {"name": "index", "inputs": {"name": f"index-{g}", "pipeline": "${pipeline.name}"}},
        {"name": "link", "inputs": {"name": f"link-{g}", "index": "${index.name}"}},
        thing("alias", opts={"depends_on": ["link"]}, **alias),
        index="${index.name}",
    )


SCENARIOS = {
    "create-chain": [preview(CHAIN), up(CHAIN)],
    "nothing-changed": [up(CHAIN), preview(CHAIN), up(CHAIN)],
    "update-in-place": [
        up(scene(thing("a", size=1, tags=["x"]), thing("b", value="${a.computed}"))),
        preview(scene(thing("a", size=2, tags=["x", "y"]), thing("b", value="${a.computed}"))),
        up(scene(thing("a", size=2, tags=["x", "y"]), thing("b", value="${a.computed}"))),
    ],
    "value-removed": [up(scene(thing("a", size=1, note="n"))), up(scene(thing("a", size=1)))],
    "replace-with-dependents": [
        up(
            scene(
                {"name": "a", "inputs": {"name": "a1"}}, thing("b", value="${a.computed}"), thing("c", value="${b.id}")
            )
        ),
        preview(
            scene(
                {"name": "a", "inputs": {"name": "a2"}}, thing("b", value="${a.computed}"), thing("c", value="${b.id}")
            )
        ),
        up(
            scene(
                {"name": "a", "inputs": {"name": "a2"}}, thing("b", value="${a.computed}"), thing("c", value="${b.id}")
            )
        ),
    ],
    "delete-before-replace": [
        up(scene({"name": "a", "inputs": {"name": "a1", "unique": True}}, thing("b", value="${a.computed}"))),
        up(scene({"name": "a", "inputs": {"name": "a2", "unique": True}}, thing("b", value="${a.computed}"))),
    ],
    "delete-before-replace-dependent-replaced": [
        up(
            scene(
                {"name": "a", "inputs": {"name": "a1", "unique": True}},
                {"name": "b", "inputs": {"name": "${a.computed}"}},
            )
        ),
        up(
            scene(
                {"name": "a", "inputs": {"name": "a2", "unique": True}},
                {"name": "b", "inputs": {"name": "${a.computed}"}},
            )
        ),
    ],
    "no-longer-declared": [up(CHAIN), preview(scene(thing("a"))), up(scene(thing("a")))],
    "depends-on-orders-deletes": [
        up(scene(thing("a"), thing("b", opts={"depends_on": ["a"]}), thing("c", opts={"depends_on": ["b"]}))),
        DESTROY,
    ],
    "destroy": [up(CHAIN), DESTROY],
    "alias-renames-without-change": [
        up(scene(thing("a"), thing("b", value="${a.id}"))),
        up(
            scene(
                {"name": "new", "inputs": {"name": "a"}, "opts": {"aliases": [{"name": "a"}]}},
                thing("b", value="${new.id}"),
            )
        ),
    ],
    "component-children": [
        up(
            scene(
                thing("group", kind="Component"),
                thing("a", opts={"parent": "group"}),
                thing("b", value="${a.id}", opts={"parent": "group"}),
            )
        ),
        preview(scene(thing("group", kind="Component"), thing("a", opts={"parent": "group"}))),
        DESTROY,
    ],
    "connection-changes": [
        up(scene(thing("conn", kind="Connection", region="eu"), thing("a", opts={"provider": "conn"}))),
        preview(scene(thing("conn", kind="Connection", region="us"), thing("a", opts={"provider": "conn"}))),
        up(scene(thing("conn", kind="Connection", region="us"), thing("a", opts={"provider": "conn"}))),
        REFRESH,
        DESTROY,
    ],
    "connection-inherited": [
        up(
            scene(
                thing("conn", kind="Connection", region="eu"),
                thing("group", kind="Component", opts={"provider": "conn"}),
                thing("a", opts={"parent": "group"}),
                thing("inner", kind="Component", opts={"parent": "group"}),
                thing("b", value="${a.id}", opts={"parent": "inner"}),
            )
        ),
        DESTROY,
    ],
    "two-connections": [
        up(
            scene(
                thing("one", kind="Connection", region="eu"),
                thing("two", kind="Connection", region="us"),
                thing("a", opts={"provider": "one"}),
                thing("b", value="${a.id}", opts={"provider": "two"}),
            )
        )
    ],
    "secrets": [
        up(
            scene(
                thing("a", password={"secret": "hush"}, nested={"token": {"secret": "hush2"}, "open": 1}),
                thing("b", value="${a.password}"),
                leaked="${a.password}",
            )
        ),
        preview(
            scene(
                thing("a", password={"secret": "other"}, nested={"token": {"secret": "hush2"}, "open": 1}),
                thing("b", value="${a.password}"),
                leaked="${a.password}",
            )
        ),
        up(
            scene(
                thing("a", password={"secret": "other"}, nested={"token": {"secret": "hush2"}, "open": 1}),
                thing("b", value="${a.password}"),
                leaked="${a.password}",
            )
        ),
    ],
    "check-refuses": [
        up(scene(thing("a"), thing("b", size=1, opts={"depends_on": ["a"]}))),
        up(scene(thing("a", note="changed"), thing("b", size=100, opts={"depends_on": ["a"]}))),
    ],
    "create-fails": [
        up(scene(thing("a"), thing("b", value="${a.id}", fail="create"), thing("c", value="${b.id}"))),
        up(scene(thing("a"), thing("b", value="${a.id}"), thing("c", value="${b.id}"))),
    ],
    "created-but-not-ready": [
        up(scene(thing("a", fail="ready"), thing("b", value="${a.id}"))),
        preview(scene(thing("a", fail="ready"), thing("b", value="${a.id}"))),
        up(scene(thing("a", fail="ready"), thing("b", value="${a.id}"))),
    ],
    "created-but-not-ready-then-removed": [up(scene(thing("a", fail="ready"))), up(scene())],
    "update-fails": [
        up(scene(thing("a", size=1), thing("b", value="${a.computed}"))),
        up(scene(thing("a", size=2, fail="update"), thing("b", value="${a.computed}"))),
        up(scene(thing("a", size=2), thing("b", value="${a.computed}"))),
    ],
    "delete-fails": [
        up(scene(thing("a"), thing("b", value="${a.id}", fail="delete"))),
        DESTROY,
        up(scene(thing("a"), thing("b", value="${a.id}"))),
        DESTROY,
    ],
    "protect": [
        up(scene(thing("a", opts={"protect": True}))),
        up(scene()),
        DESTROY,
        up(scene({"name": "a", "inputs": {"name": "a2"}, "opts": {"protect": True}})),
        up(scene(thing("a"))),
        DESTROY,
    ],
    "retain-on-delete": [up(scene(thing("a", opts={"retain_on_delete": True}))), up(scene())],
    "ignore-changes": [
        up(scene(thing("a", size=1, note="x"))),
        up(scene(thing("a", size=2, note="y", opts={"ignore_changes": ["size"]}))),
    ],
    "replace-on-changes": [
        up(scene(thing("a", size=1))),
        up(scene(thing("a", size=2, opts={"replace_on_changes": ["size"]}))),
    ],
    "refresh-finds-drift": [
        up(scene(thing("a", size=1), thing("b", value="${a.computed}"))),
        {"do": "refresh", "world": {"a-id": {"size": 7}}},
        preview(scene(thing("a", size=1), thing("b", value="${a.computed}"))),
        up(scene(thing("a", size=1), thing("b", value="${a.computed}"))),
    ],
    "refresh-finds-it-gone": [
        up(scene(thing("a"), thing("b", value="${a.id}"))),
        {"do": "refresh", "world": {"a-id": None}},
        up(scene(thing("a"), thing("b", value="${a.id}"))),
    ],
    "up-with-refresh": [
        up(scene(thing("a", size=1))),
        up(scene(thing("a", size=1)), world={"a-id": {"size": 7}}, refresh=True),
    ],
    "new-key": [up(generation("g1")), preview(generation("g1", key="k2")), up(generation("g1", key="k2"))],
    "new-generation": [up(generation("g1")), preview(generation("g2")), up(generation("g2"))],
    "new-generation-switch-fails": [
        up(generation("g1")),
        up(generation("g2", alias_fails=True)),
        preview(generation("g2")),
        up(generation("g2")),
    ],
    "new-generation-taken-back": [
        up(generation("g1")),
        up(generation("g2", alias_fails=True)),
        preview(generation("g1")),
        up(generation("g1")),
    ],
    "killed-while-creating": [
        up(scene(thing("a"), thing("b", value="${a.id}", seconds=20)), kill_during="b"),
        preview(scene(thing("a"), thing("b", value="${a.id}"))),
        up(scene(thing("a"), thing("b", value="${a.id}"))),
    ],
    "interrupted-while-creating": [
        up(
            scene(thing("a"), thing("b", value="${a.id}", seconds=3), thing("c", value="${b.id}")), interrupt_during="b"
        ),
        up(scene(thing("a"), thing("b", value="${a.id}", seconds=3), thing("c", value="${b.id}"))),
    ],
}
