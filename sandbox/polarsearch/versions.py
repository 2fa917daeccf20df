"""What differs between OpenSearch 2.11 and 3.5, each difference a named gate: the version from which it holds."""

from __future__ import annotations

from sandbox.polarsearch.shapes import data

Gate = str
SINCE: dict[Gate, tuple[int, int]] = {gate: (since[0], since[1]) for gate, since in data("versions")["since"].items()}
LUCENE = {2: "9.12.1", 3: "10.1.0"}
_MASK = 0x08000000  # what sets OpenSearch's version ids apart from those it was forked from


class Version:
    """One version of OpenSearch, such as "2.19.1". Raises ValueError for anything but `major.minor.patch`."""

    def __init__(self, number: str) -> None:
        self.number = number
        self.major, self.minor, self.patch = (int(part) for part in number.split("."))

    def has(self, gate: Gate) -> bool:
        """Whether this version behaves as the gate says."""
        return (self.major, self.minor) >= SINCE[gate]

    @property
    def id(self) -> str:
        """As `index.version.created` shows it: 2.19.1 is 136407927."""
        return str((self.major * 1000000 + self.minor * 10000 + self.patch * 100 + 99) ^ _MASK)

    @property
    def lucene(self) -> str:
        return LUCENE.get(self.major, LUCENE[3])
