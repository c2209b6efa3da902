"""The files of all shards as one."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kpplugins.inference.bulk.results_file import bad_path_of, lines_of, read_run, run_path_of
from kpplugins.inference.bulk.shard import Shard
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text, replaced_file


def merge_shards(files: Sequence[str | Path], out: str | Path) -> dict[str, int]:
    """Write the results of all shards of a run into one file, shard by shard, completely or not at all.

    Args:
        files: the files of all shards, in any order.
        out: the file to write, with its ``.run.json`` and, if images were bad, its ``.bad.jsonl``.

    Returns:
        ``images`` (lines written) and ``bad``.

    Raises:
        BadInputError: a shard is missing, given twice, unfinished, of another model or options, or damaged; or ``out``
            is there already.
    """
    target = Path(out)
    if target.exists():
        raise BadInputError("there is already such a file", where=str(target), todo="give another --out")
    parts = _checked([Path(file) for file in files])
    counts = {"images": 0, "bad": 0}
    target.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(target) as aside, aside.open("w", encoding="utf-8", newline="\n") as written:
        for file, _ in parts:
            for _, line in lines_of(file):
                written.write(f"{line}\n")
                counts["images"] += 1
    bad = "".join(_bad_lines(file for file, _ in parts))
    if bad:
        replace_text(bad_path_of(target), bad)
    counts["bad"] = bad.count("\n")
    facts = {**parts[0][1], "shard": Shard().text, "merged": [str(file) for file, _ in parts], **counts}
    replace_text(run_path_of(target), json.dumps(facts, indent=1) + "\n")
    return counts


def _checked(files: list[Path]) -> list[tuple[Path, dict[str, Any]]]:
    """Return the shards in order with their facts; raise unless they are all there, whole and of one run."""
    parts: dict[int, tuple[Path, dict[str, Any]]] = {}
    first: dict[str, Any] = {}
    for file in files:
        facts = read_run(file)
        shard, first = Shard.parse(str(facts.get("shard"))), first or facts
        for key in ("model", "options"):
            if facts.get(key) != first.get(key):
                raise BadInputError(
                    f"shards of two runs: their {key} differs", where=str(file), expected=str(first.get(key)),
                    found=str(facts.get(key)),
                )  # fmt: skip
        if shard.count != Shard.parse(str(first.get("shard"))).count or shard.number in parts:
            raise BadInputError(
                "not the shards of one run, each once", where=str(file), found=f"shard {shard.text}",
                todo=f"give all files of one run: {file.stem.rpartition('.')[0]}.*-of-{shard.count}{file.suffix}",
            )  # fmt: skip
        if not facts.get("finished"):
            raise BadInputError(
                "this shard is not finished", where=str(file), todo="run its command again, then merge"
            )
        parts[shard.number] = (file, facts)
    if not parts:
        raise BadInputError("no shards are given", where="--merge")
    count = Shard.parse(str(first.get("shard"))).count
    missing = sorted(set(range(1, count + 1)) - set(parts))
    if missing:
        raise BadInputError(
            "not all shards are given", where="--merge", expected=f"{count} files",
            found=f"without {', '.join(f'{n}/{count}' for n in missing[:10])}",
        )  # fmt: skip
    return [parts[number] for number in sorted(parts)]


def _bad_lines(files: Iterator[Path]) -> Iterator[str]:
    for file in files:
        bad = bad_path_of(file)
        if bad.is_file():
            yield bad.read_text(encoding="utf-8")
