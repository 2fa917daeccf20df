"""Virtual environments that import their own packages first, and then those of this environment."""

from __future__ import annotations

import sys
import venv
from collections.abc import Sequence
from pathlib import Path


def virtual_environment(folder: Path, first: Sequence[Path] = ()) -> Path:
    """Returns the Python of a new environment that imports from itself, the folders `first`, and this environment.

    Nothing is downloaded: a .pth file puts this environment's packages on its path.
    """
    venv.create(folder, symlinks=True)
    ours = [Path(place) for place in sys.path if place.endswith("site-packages")]
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "behind.pth").write_text("".join(f"{place}\n" for place in [*first, *ours]))
    return folder / "bin" / "python"
