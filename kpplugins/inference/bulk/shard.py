"""One of several parts of the work."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from kpplugins.structures import BadInputError

_IN_NAME = re.compile(r"\.(\d+)-of-(\d+)$")


@dataclass(frozen=True)
class Shard:
    """Holds the names whose digest says so: each name is in exactly one shard, whatever other names there are.

    Attributes:
        number: 1 to ``count``.
        count: the number of shards.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read ``3/8``, the third of eight shards.

        Raises:
            BadInputError: it is written otherwise, or there is no such shard.
        """
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
        shard = cls(*map(int, match.groups())) if match else cls(0, 0)
        if not 1 <= shard.number <= shard.count:
            raise BadInputError("not a shard", where="--shard", expected="1/8 to 8/8 of eight", found=text)
        return shard

    @classmethod
    def of_launcher(cls, environment: Mapping[str, str] = os.environ) -> "Shard":
        """Return the shard of a process that torchrun started, by RANK and WORLD_SIZE; else the whole."""
        count, rank = environment.get("WORLD_SIZE", "1"), environment.get("RANK", "0")
        return cls.parse(f"{int(rank) + 1}/{count}") if rank.isdigit() else cls()

    @property
    def text(self) -> str:
        """Return the shard as ``parse`` reads it."""
        return f"{self.number}/{self.count}"

    def holds(self, key: str) -> bool:
        """Tell whether a name belongs to this shard."""
        if self.count == 1:
            return True
        digest = blake2b(key.encode("utf-8", "surrogateescape"), digest_size=8, person=b"shard").digest()
        return int.from_bytes(digest, "big") % self.count == self.number - 1

    def file(self, out: Path) -> Path:
        """Return the file of this shard: ``a.jsonl`` itself, or ``a.3-of-8.jsonl``; a name that says so is kept."""
        said = _IN_NAME.search(out.stem)
        if self.count == 1 or (said and said.groups() == (str(self.number), str(self.count))):
            return out
        return out.with_name(f"{out.stem}.{self.number}-of-{self.count}{out.suffix}")
