"""The stand-in is held to a real OpenSearch 2.19.1: what that was asked is asked here, and must be answered the same.

Ids, uuids, times and the name of the node differ, of course: an id is learned where it first appears and expected from
then on. Where in a body a mistake is (line, column) is not compared, nor what stood in the recorded node's own
configuration. The stand-in may refuse instead, by name: then it says "(in the sandbox)". How many it refuses of each
recording is listed, and so is, with its reason, what differs otherwise; a listed difference that goes away fails too.
"""

import itertools
import json
import re
from pathlib import Path

import pytest

from tests.recordings.comparison import Comparison

RECORDINGS = Path(__file__).parents[2] / "recordings" / "opensearch-2.19.1"

# (recording, line) → why the stand-in answers something else
DIFFERENCES = {
    ("auth", 5): "http to an https port is not a request: the socket is closed before the application sees anything",
    ("swap", 10): "the real node used the new connector at once; the stand-in always needs 0.04 s",
    ("models", 23): "the real node was still deploying the model when it was asked",
    **{
        ("models", line): "m3 was asked twice while it deployed on demand, and the real node wrote it once more"
        for line in (52, 55, 56, 61, 83, 86, 90)
    },
    ("models", 109): "the order of keys in a parameter that is an object is that of a Java HashMap",
}

# recording → how many of its requests are refused by name
REFUSALS = {"documents": 42, "lifecycle": 32, "mappings": 54, "models": 29, "probes": 159, "search": 67,
            "seed_flow": 7, "swap": 1, "vectors": 27}  # fmt: skip

REFUSED, APPROXIMATED = "refused by name", "approximated, and says so"
FOLLOWED = "of an object a change of which was refused by name"
BY_NAME = (REFUSED, APPROXIMATED, FOLLOWED)
READS = ("_search", "_count", "_simulate", "_predict", "_refresh")


class Replay:
    """One application, and what is known of the recorded ids."""

    def __init__(self, clock, client):
        self.clock, self.client, self.comparison = clock, client, Comparison()
        self.ids, self.refused = self.comparison.ids, set()

    def play(self, name):
        """Line → how the answer differs from the recorded one, None when it does not."""
        return {number: self.exchange(row) for number, row in recorded_rows(name)}

    def exchange(self, row):
        self.clock.now += row.get("wait", 0) + 0.001
        response = self.client(row).raw(row["method"], self.ids.ours(row["path"]), self.body(row), content_type(row))
        self.clock.now += row.get("ms", 5) / 1000
        names, found = names_in(row), self.found(row, response)
        if b"(in the sandbox)" in response.body and (found or response.status >= 400):  # or one item of several is
            self.refused |= names if changes(row) else set()
            return REFUSED
        if found and names & self.refused:
            return FOLLOWED
        return APPROXIMATED if found and "(in the sandbox)" in response.headers.get("warning", "") else found

    def found(self, row, response):
        if response.status != row["status"]:
            return f"status {response.status} {response.body[:300]!r}, not {row['status']}"
        for header, value in row.get("headers", {}).items():
            if response.headers.get(header) != value:
                return f"header {header}"
        if row["method"] == "HEAD" or row["path"] == "/_refresh":  # a real node counts its own indexes as well
            return None
        theirs, ours = row["response"], parsed(response.body)
        if row["path"] == "/" and response.status == 200:
            theirs["name"] = ours["name"]
        return self.comparison.difference(theirs, ours)

    def body(self, row):
        body = row["body"]
        if body is None:
            return None
        return self.ids.ours(body if isinstance(body, str) else json.dumps(whole_vectors(body)))


def names_in(row):
    """What a request is about: its path but for what the API calls its parts, and the indexes in its body."""
    parts = row["path"].partition("?")[0].split("/")
    inside = re.findall(r'"(?:_index|index|alias)": ?"([^"]+)"', json.dumps(row["body"]).replace('\\"', '"'))
    return {name for part in parts if part and part[0] != "_" for name in part.split(",")} - {"pipeline"} | {*inside}


def changes(row):
    """Whether the real node took it, so that the two are no longer in the same state."""
    return (
        row["status"] < 400
        and row["method"] in ("PUT", "POST", "DELETE")
        and not any(part in row["path"] for part in READS)
    )


def recorded_rows(name):
    lines = (RECORDINGS / f"{name}.jsonl").read_text().splitlines()
    return enumerate(map(json.loads, lines), 1)


def whole_vectors(value):
    """The recorder cut long vectors; the one it sent had the same number all along."""
    if isinstance(value, dict):
        return {key: whole_vectors(item) for key, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[-1], str):
        cut = re.fullmatch(r"… (\d+) numbers", value[-1])
        return [value[0]] * int(cut[1]) if cut else value
    return value


def content_type(row):
    return "text/plain" if row["status"] == 406 else "application/json"


def parsed(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def verdict(capsys, played):
    """Every difference is a listed one, and every listed one is there; as many refusals as are listed."""
    refused = {name: sum(text in BY_NAME for text in lines.values()) for name, lines in played.items()}
    differences = {
        (n, at): text for n, lines in played.items() for at, text in lines.items() if text not in (None, *BY_NAME)
    }
    total = sum(len(lines) for lines in played.values())
    same = total - len(differences) - sum(refused.values())
    with capsys.disabled():
        print(f"\n{', '.join(played)}: {same} of {total} answers are the recorded ones ({100 * same / total:.1f} %), "
              f"{sum(refused.values())} are refused by name")  # fmt: skip
    unlisted = {key: text for key, text in differences.items() if key not in DIFFERENCES}
    assert not unlisted, "\n".join(f"{key}: {text}" for key, text in unlisted.items())
    gone = [key for key in DIFFERENCES if key[0] in played and key not in differences]
    assert {name: REFUSALS.get(name, 0) for name in played} == refused
    assert not gone, f"these are answered as recorded now, take them off the list: {gone}"


@pytest.fixture
def recorded(make, client_for):
    """An application as the recorded node was configured: connectors may call this machine."""

    def build(**options):
        application = make(**options)
        user = next(iter(options.get("users", {})), None)
        private = {"persistent": {"plugins.ml_commons.connector.private_ip_enabled": True}}
        client_for(application, user).ok("PUT", "/_cluster/settings", private)
        return application

    return build


def test_the_life_of_every_kind_of_object_is_answered_as_recorded(recorded, clock, client_for, capsys):
    application = recorded()
    replay = Replay(clock, lambda row: client_for(application))
    played = {}
    for name in ("seed_flow", "lifecycle", "swap"):
        played[name] = replay.play(name)
        clock.now += 30
    verdict(capsys, played)


def test_users_and_what_they_may_do_are_answered_as_recorded(recorded, clock, client_for, capsys):
    application = recorded(users={"admin": "secret", "limited": "secret"}, readers={"limited"})

    def client(row):
        password = "wrong" if row["note"] == "wrong password" else "secret"
        return client_for(application, row["user"], password)

    verdict(capsys, {"auth": Replay(clock, client).play("auth")})


def test_documents_mappings_models_and_searches_are_answered_as_recorded(
    recorded, clock, client_for, embeddings, capsys
):
    embeddings.dimension = 8
    application = recorded()
    replay = Replay(clock, lambda row: client_for(application))
    verdict(capsys, {name: replay.play(name) for name in ("documents", "mappings", "models", "search")})


@pytest.mark.parametrize("name", ["rows", "vectors"])
def test_what_record_py_asks_is_answered_as_recorded(recorded, clock, client_for, capsys, name):
    application = recorded()
    verdict(capsys, {name: Replay(clock, lambda row: client_for(application)).play(name)})


def test_probes_each_of_an_empty_node_are_answered_as_recorded(recorded, clock, client_for, capsys):
    played = {}
    for _, flow in itertools.groupby(recorded_rows("probes"), lambda numbered: numbered[1]["note"]):
        application = recorded()
        replay = Replay(clock, lambda row, application=application: client_for(application))
        played |= {number: replay.exchange(row) for number, row in flow}
    verdict(capsys, {"probes": played})


def test_the_share_that_is_told_is_the_share_that_holds():
    total = sum(len(path.read_text().splitlines()) for path in RECORDINGS.glob("*.jsonl"))
    refused, root = sum(REFUSALS.values()), RECORDINGS.parents[2]
    same = total - len(DIFFERENCES) - refused
    told = f"{total} recorded answers of a real OpenSearch 2.19.1 (`tests/recordings`): {same} come out the same, "
    told += f"{100 * same / total:.1f} %; {refused} it refuses or approximates by name"
    assert told in (root / "README.md").read_text().replace("\n", " ")
    listed = f"({len(DIFFERENCES)} of {total})"
    assert listed in (root / "tests" / "conformance" / "DIFFERENCES.md").read_text()


@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDINGS.glob("*.jsonl")))
def test_every_recording_is_replayed(name):
    stories = {
        "seed_flow",
        "lifecycle",
        "swap",
        "auth",
        "documents",
        "mappings",
        "models",
        "search",
        "rows",
        "vectors",
        "probes",
    }
    assert name in stories
