"""The environment in which this repository runs `pulumi`: its own home, backend and passphrase, the project's Python.

It is separate from the user's Pulumi: variables that start with PULUMI_ are removed before ours are set.
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
    """Returns variables for a `pulumi` with its state in `home`/state and its files in `home`/pulumi; creates both.

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
    """Returns variables that exclude the connections between engine and hosts from proxies."""
    return {
        name: ",".join(filter(None, [base.get(name) or base.get(other), LOOPBACK]))
        for name, other in (("no_proxy", "NO_PROXY"), ("NO_PROXY", "no_proxy"))
    }
