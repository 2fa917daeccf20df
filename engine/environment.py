"""The environment this repository runs `pulumi` in: its own home, backend and passphrase, and the project's Python.

Nothing of the user's Pulumi leaks in or out: variables that start with PULUMI_ are dropped before ours are set.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .find import Engine

LOOPBACK = "127.0.0.1,localhost,::1"


def environment(
    engine: Engine,
    home: Path,
    *,
    passphrase: str,
    python: Path = Path(sys.executable),
    base: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Variables for a `pulumi` whose state is in `home`/state and whose own files are in `home`/pulumi (both made).

    `passphrase` encrypts the stacks' secrets; `python` runs the program and the providers, and its folder comes
    first on PATH, after the engine's.
    """
    home = home.resolve()
    for folder in ("state", "pulumi"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in base.items() if not key.startswith("PULUMI_") and key != "PYTHONHOME"}
    path = [str(engine.path.resolve().parent), str(python.parent), base.get("PATH", os.defpath)]
    return {
        **kept,
        **_direct(base),
        "PATH": os.pathsep.join(path),
        "PULUMI_HOME": str(home / "pulumi"),
        "PULUMI_BACKEND_URL": (home / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": passphrase,
        "PULUMI_PYTHON_CMD": str(python),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def _direct(base: Mapping[str, str]) -> dict[str, str]:
    """Keep the talk between engine and hosts off any proxy."""
    return {
        name: ",".join(filter(None, [base.get(name) or base.get(other), LOOPBACK]))
        for name, other in (("no_proxy", "NO_PROXY"), ("NO_PROXY", "no_proxy"))
    }
