"""Give changed sources to the readers and exporters for a while: ``python -m fuzzing --minutes 10 --seed 0``.

Every input must be read into a complete folder, or refused in one line, within 20 s and 1 GB. Whatever else happens is
a finding: its input is kept below ``--keep``, and made again by ``--only NUMBER`` with the same seed.
"""

import argparse
import gc
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import kpplugins  # noqa: F401
from fuzzing.mutations import change
from fuzzing.seeds import write_seeds
from fuzzing.trial import Outcome, attempt
from kpplugins.curation.export import TARGETS


class Fuzzing:
    """The seeds, and one trial for each number."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed, self.place = seed, folder / "seeds"
        self.place.mkdir(parents=True)
        self.options = write_seeds(self.place)
        self.files = sorted(p for p in self.place.rglob("*") if p.is_file())
        self.work = folder / "work"

    def trial(self, number: int) -> tuple[str, str, list[str], Outcome]:
        """Make and try the input of a number.

        Args:
            number: of the input.

        Returns:
            Its seed, the command, the changes, and what came of it; the input is in ``work`` until the next one.
        """
        random = Random(f"{self.seed} {number}")
        name = random.choice(sorted(self.options))
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.place / name, self.work / "in")
        done = change(self.work / "in", random, self.files)
        options: dict[str, Any] = {**self.options[name], "skip_bad": random.random() < 0.5}
        if random.random() < 0.5:
            del options["from_format"]
        command = "convert" if random.random() < 0.8 else random.choice(["check", *TARGETS])
        return name, command, done, attempt(self.work, command, options)


def main(arguments: list[str] | None = None) -> int:
    """Fuzz; see the module.

    Args:
        arguments: of the command line.

    Returns:
        0 if there was no finding.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--inputs", type=int, default=10**9, help="end after so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="number of the one input to try")
    parser.add_argument("--keep", type=Path, default=Path("work_dirs/fuzz"), help="folder for findings")
    args = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    slowest, slow = 0.0, ""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        fuzzing = Fuzzing(Path(folder), args.seed)
        gc.freeze()
        end, number = time.monotonic() + 60 * args.minutes, args.only or 0
        while time.monotonic() < end and number - (args.only or 0) < args.inputs:
            name, command, done, outcome = fuzzing.trial(number)
            counts[outcome.kind] += 1
            if outcome.seconds > slowest:
                slowest, slow = outcome.seconds, f"{number}, {name} {command} {done}"
            if outcome.kind not in ("done", "refused"):
                print(f"{number}: {outcome.kind}: {name} {command} {done}\n{outcome.said}\n", flush=True)
                kept = args.keep / f"{args.seed}-{number}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(fuzzing.work / "in", kept / "in", symlinks=True)
                (kept / "said.txt").write_text(
                    f"{name} {command} {done}\n{outcome.said}\n", "utf-8", "replace"
                )
            number += 1
            if args.only is not None:
                print(f"{name} {command} {done}: {outcome}")
                break
    found = sum(counts.values()) - counts["done"] - counts["refused"]
    print(
        f"{sum(counts.values())} inputs of {len(fuzzing.options)} sources, seed {args.seed}: {dict(counts)}; ",
        end="",
    )
    print(f"slowest {slowest:.1f} s ({slow}); {found} findings" + (f", kept in {args.keep}" if found else ""))
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
