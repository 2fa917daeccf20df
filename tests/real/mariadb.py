"""MariaDB 10.5 or later, for machines on which MySQL 8.0.15 cannot run. It has no `polardb_version`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.real.mysql import as_root

PACKAGES = ("mariadb-server-core", "mariadb-client-core", "liburing2")
SMALL = ("--innodb-log-file-size=8M", "--innodb-buffer-pool-size=64M")


class MariaDb:
    """`program` is mariadbd, `install_db` the script that creates a data folder, `base` their folder."""

    name = "mariadb"

    def __init__(self, program: Path, install_db: Path, base: Path, libraries: Path | None) -> None:
        self._program, self._install_db, self._base = program, install_db, base
        self.environ: Mapping[str, str] = {"LD_LIBRARY_PATH": str(libraries)} if libraries else {}

    def initialise(self, data: Path) -> Sequence[str | Path]:
        quiet = ["--auth-root-authentication-method=normal", "--skip-test-db", "--force", "--skip-name-resolve"]
        return [self._install_db, "--no-defaults", f"--basedir={self._base}", f"--datadir={data}", *quiet, *as_root()]

    def start(self, data: Path, revision: str | None) -> Sequence[str | Path]:
        places = [f"--basedir={self._base}", f"--lc-messages-dir={self._base}/share/mysql"]
        return [self._program, "--no-defaults", *places, *SMALL]
