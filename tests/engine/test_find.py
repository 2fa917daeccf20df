"""The order in which a `pulumi` is searched, on machines made of shell scripts."""

import fcntl
import threading

import pytest

from engine import Engine, NoEngine, find
from engine.find import Candidate, choose, present
from engine.machine import Machine, user_cache

HOSTS = ("pulumi-language-python", "pulumi-resource-pulumi-python")


def candidate(name, version, *, hosts=True):
    return Candidate(name, version, hosts, "somehow")


@pytest.mark.parametrize(
    ("candidates", "outcome"),
    [
        ([candidate("a", (3, 254, 0))], "a"),
        ([candidate("a", (3, 253, 9)), candidate("b", (3, 260, 0))], "b"),
        ([candidate("a", (3, 260, 0)), candidate("b", (3, 270, 0))], "a"),
        ([candidate("a", None), candidate("b", (4, 0, 0))], "b"),
        ([candidate("a", (3, 260, 0), hosts=False), candidate("b", (3, 259, 0))], "b"),
        ([], []),
        ([candidate("a", (3, 1, 0))], ["a is 3.1.0, older than 3.254.0"]),
        ([candidate("a", None)], ["a does not say its version"]),
        ([candidate("a", (3, 260, 0), hosts=False)], ["a has no Python language host beside it"]),
    ],
)
def test_the_first_suitable_engine_is_chosen(candidates, outcome):
    chosen = choose(candidates)
    assert (chosen.path if isinstance(chosen, Engine) else chosen) == outcome


def test_no_engine_is_tried_after_the_first_suitable_one():
    def candidates():
        yield candidate("a", (3, 260, 0))
        pytest.fail("looked on")

    assert isinstance(choose(candidates()), Engine)


@pytest.fixture
def messages():
    return []


@pytest.fixture
def machine(tmp_path, messages):
    """A machine with empty PATH and cache and a constant clock, on which the SDK's installer has just failed."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "install-tried").touch()
    now = (tmp_path / "cache" / "install-tried").stat().st_mtime
    return Machine({"PATH": str(tmp_path / "bin")}, tmp_path / "cache", messages.append, lambda: now)


def script(path, body):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def pulumi(folder, version, hosts=HOSTS):
    script(folder / "pulumi", f"echo v{version}")
    for host in hosts:
        script(folder / host, "exit 0")


def test_an_engine_on_path_precedes_the_cache(machine, tmp_path):
    pulumi(tmp_path / "bin", "3.254.0")
    pulumi(machine.cache / "installed-3.270.0" / "bin", "3.270.0")
    assert find(machine, get=False) == Engine(tmp_path / "bin" / "pulumi", (3, 254, 0), "on PATH")


def test_the_newest_engine_in_the_cache_precedes_a_build(machine):
    for version in ("3.99.0", "3.255.0", "3.270.0"):
        pulumi(machine.cache / f"installed-{version}" / "bin", version)
    script(machine.cache / "built-3.280.0" / "pulumi", "echo v3.280.0")
    found = find(machine, get=False)
    assert (found.version, found.how) == ((3, 270, 0), "installed by the SDK")


def test_our_hosts_are_placed_beside_a_build_once(machine):
    script(machine.cache / "built-3.259.0" / "pulumi", "echo v3.259.0")
    found = find(machine, get=False)
    assert found.how == "built by Go"
    assert all((found.path.parent / host).stat().st_mode & 0o111 for host in HOSTS)
    assert found.path.samefile(machine.cache / "built-3.259.0" / "pulumi")
    assert find(machine, get=False) == found


@pytest.mark.parametrize(
    ("version", "hosts", "why"), [("3.200.0", HOSTS, "older than"), ("3.260.0", HOSTS[:1], "no Python language host")]
)
def test_an_unsuitable_engine_on_path_is_skipped_and_reported(machine, tmp_path, messages, version, hosts, why):
    pulumi(tmp_path / "bin", version, hosts)
    script(machine.cache / "built-3.259.0" / "pulumi", "echo v3.259.0")
    assert find(machine).how == "built by Go"
    (machine.cache / "built-3.259.0" / "pulumi").unlink()
    with pytest.raises(NoEngine, match=why):
        find(machine)
    assert any(why in line for line in messages)


def test_a_program_that_fails_or_hangs_is_not_an_engine(machine, tmp_path):
    script(tmp_path / "bin" / "pulumi", "exit 1")
    assert [each.version for each in present(machine)] == [None]
    assert machine.ask("/bin/sleep", "30", timeout=0.1) is None


def test_a_missing_engine_is_one_line_with_the_three_ways_to_get_one(machine):
    with pytest.raises(NoEngine) as raised:
        find(machine)
    line = str(raised.value)
    assert "\n" not in line
    for way in ("pulumi 3.254.0 or newer on PATH", "the SDK install it", "install Go 1.25.11 or newer"):
        assert way in line


def test_without_get_nothing_is_installed_or_built(machine, tmp_path, messages):
    script(tmp_path / "bin" / "go", "touch $0.called")
    with pytest.raises(NoEngine, match="python -m engine"):
        find(machine, get=False)
    assert messages == []
    assert not (tmp_path / "bin" / "go.called").exists()


def test_two_runs_install_one_engine(machine):
    """The second run waits for the first, and then finds its engine."""
    with (machine.cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found, reported = [], threading.Event()
        second = Machine(machine.environ, machine.cache, lambda _: reported.set(), machine.now)
        waiting = threading.Thread(target=lambda: found.append(find(second)))
        waiting.start()
        assert reported.wait(30)
        script(machine.cache / "built-3.259.0" / "pulumi", "echo v3.259.0")
    waiting.join(30)
    assert [engine.how for engine in found] == ["built by Go"]


@pytest.mark.parametrize(
    ("environ", "cache"),
    [
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/polardb-semantic-search/engine"),
        ({"HOME": "/h"}, "/h/.cache/polardb-semantic-search/engine"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/polardb-semantic-search/engine"),
    ],
)
def test_the_cache_is_in_the_users_cache_folder(environ, cache):
    assert str(user_cache(environ)) == cache
