"""Virtual environments for tests of what is installed: packages of their own, and those of this one behind them."""

from __future__ import annotations

import sys
import venv
from collections.abc import Sequence
from pathlib import Path


def virtual_environment(folder: Path, first: Sequence[Path] = ()) -> Path:
    """The Python of a new environment that imports from itself, from the folders `first`, and from this environment.

    Nothing is downloaded: this environment's packages are on its path, as if they were installed in it.
    """
    venv.create(folder, symlinks=True)
    ours = [Path(place) for place in sys.path if place.endswith("site-packages")]
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "behind.pth").write_text("".join(f"{place}\n" for place in [*first, *ours]))
    return folder / "bin" / "python"
