"""Building with Go, with a shell script in place of Go; and the contents of go.mod."""

import os
import time
from pathlib import Path

import pytest

import engine.build
from engine.build import PACKAGE, SOURCE, Progress, build, kept, pinned
from engine.machine import Machine
from engine.version import OLDEST_GO, OLDEST_PULUMI, parse

GO = r"""
case "$1" in
  version) echo "go version {version} linux/amd64" ;;
  env) echo "{toolchain}" ;;
  build)
    echo "$PWD $CGO_ENABLED $GOWORK $*" > "{log}"
    echo "go: downloading example.com/module v1.0.0" >&2
    echo "internal/cpu" >&2
    while [ "$1" != "-o" ]; do shift; done
    {do}
esac
"""
MAKES = 'mkdir -p "$(dirname "$2")"; printf "#!/bin/sh\\necho v3.259.0\\n" > "$2"; chmod +x "$2"'
FAILS = 'echo "go: example.com/module@v1.0.0: dial tcp: no route to host" >&2; exit 1'


@pytest.fixture
def messages():
    return []


@pytest.fixture
def machine(tmp_path, messages):
    (tmp_path / "cache").mkdir()
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])
    return Machine({"PATH": path}, tmp_path / "cache", messages.append, time.time)


def go(tmp_path, do=MAKES, version="go1.26.0", toolchain="local"):
    (tmp_path / "bin").mkdir()
    fake, log = tmp_path / "bin" / "go", tmp_path / "log"
    fake.write_text("#!/bin/sh\n" + GO.format(version=version, toolchain=toolchain, log=log, do=do))
    fake.chmod(0o755)
    return log


def test_the_cli_is_built_from_the_pinned_module_and_kept(machine, tmp_path, messages):
    log = go(tmp_path)
    assert build(machine) is None
    version = pinned((SOURCE / "go.mod").read_text())
    assert kept(machine.cache) == [machine.cache / f"built-{version}" / "pulumi"]
    folder, cgo, work, command = log.read_text().strip().split(" ", 3)
    assert (folder, cgo, work) == (str(SOURCE), "0", "off")
    assert command.endswith(PACKAGE)
    assert f"Version={version}" in command
    assert "1 modules fetched, 1 packages compiled" in messages[-1]
    assert [path.name for path in machine.cache.iterdir()] == [f"built-{version}"]


def test_a_failed_build_reports_the_reason_of_go_and_leaves_nothing(machine, tmp_path):
    go(tmp_path, FAILS)
    assert build(machine) == ("Go could not build pulumi: go: example.com/module@v1.0.0: dial tcp: no route to host")
    assert list(machine.cache.iterdir()) == []


def test_a_go_that_is_too_old_is_not_used(machine, tmp_path):
    log = go(tmp_path, version="go1.20.1")
    assert build(machine) == f"{tmp_path}/bin/go is 1.20.1, older than 1.25.11"
    assert not log.exists()


def test_progress_counts_the_lines_of_go():
    progress = Progress()
    for line in (
        "go: downloading a.b/c v1.2.3",
        "crypto/internal/fips140",
        "github.com/x/y~z/v3",
        "# a/b",
        "a.go:1:2: no",
    ):
        progress.add(line)
    assert str(progress) == "1 modules fetched, 2 packages compiled"
    assert progress.lines == ["a.go:1:2: no"]


def test_the_version_in_go_mod_is_the_one_that_the_finder_expects():
    text = (SOURCE / "go.mod").read_text()
    assert f"tool {PACKAGE}\n" in text
    assert f"\ngo {'.'.join(map(str, OLDEST_GO))}\n" in text
    assert (parse(pinned(text)) or ()) >= OLDEST_PULUMI
    with pytest.raises(ValueError, match="does not name"):
        pinned("module other\n")


def test_the_hosts_are_executable():
    hosts = Path(engine.build.HOSTS)
    for name in ("pulumi-language-python", "pulumi-resource-pulumi-python"):
        assert os.access(hosts / name, os.X_OK)
