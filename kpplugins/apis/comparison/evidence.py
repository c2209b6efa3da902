"""What a comparison shows: the differences of its recipes, with their intervals, and the noise of their seeds."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from mmpose.registry import DATASETS

from kpplugins.apis.statistics.differences import (
    Column,
    differences,
    differences_table,
    seeds_report,
    seeds_table,
)
from kpplugins.apis.statistics.image_groups import KEY, image_groups_of, videos_in_words
from kpplugins.apis.statistics.interval_report import few_in_words, intervals_of
from kpplugins.config.load import load_config
from kpplugins.evaluation.intervals.per_image_table import PER_IMAGE, PerImageTable
from kpplugins.evaluation.intervals.resampling import Resampling
from kpplugins.evaluation.intervals.spread import Spread

WORDS = (
    "Differences: the first less the second, in brackets the interval of 95 % on the same resamples of the test "
    "images; bold where it leaves out 0. {runs} Of twenty differences without a cause, one is shown by chance."
)
ONE_RUN = "They are of these trainings: what another seed would change is not in them (`--seeds 3` tells)."
RUNS = (
    "They are of the means over the seeds, with the noise of training in the interval. ± is the standard deviation of "
    "one run, by its seed, and by its test images."
)


def comparison_evidence(
    rows: Sequence[dict[str, Any]],
    out: Path,
    data: Path,
    columns: Sequence[Column],
    group_by: str | None = None,
) -> dict[str, Any]:
    """Compare the tests of a comparison, image by image; each row with a test gets its ``intervals``.

    Only recipes that were tested on the same images with the same truth, both in given boxes or both over whole images,
    are compared.

    Args:
        rows: of the comparison, with ``recipe`` and ``seed``; they are changed.
        out: its folder, with the work dirs.
        data: the data folder.
        columns: the numbers to compare.
        group_by: see ``image_groups_of``.

    Returns:
        ``group_by``; ``differences`` (see ``differences``); ``over_seeds`` (see ``seeds_report``); ``warnings``.

    Raises:
        BadInputError: see ``image_groups_of``.
    """
    tables = {
        row["name"]: PerImageTable.load(out / row["name"] / PER_IMAGE)
        for row in rows
        if "error" not in row and (out / row["name"] / PER_IMAGE).is_file()
    }
    done = [row for row in rows if row["name"] in tables]
    by_protocol: dict[Any, list[dict[str, Any]]] = {}
    for row in done:
        by_protocol.setdefault(_protocol(row, tables[row["name"]]), []).append(row)
    dataset = _dataset(done, out, data, group_by)
    recipes: dict[str, list[Spread]] = {}
    protocols, warnings = {}, []
    for protocol, same in by_protocol.items():
        images = list(dict.fromkeys(image for row in same for image in tables[row["name"]].images))
        resampling = Resampling(images, image_groups_of(images, group_by, dataset))
        videos = videos_in_words(images) if group_by is None else None
        warnings += [*few_in_words(resampling.groups, len(images)), *([videos] if videos else [])]
        for row in same:
            spread = resampling.spread(tables[row["name"]])
            row["intervals"] = intervals_of(spread)
            recipes.setdefault(row["recipe"], []).append(spread)
            protocols[row["recipe"]] = protocol
    return {
        "group_by": group_by,
        "differences": differences(recipes, protocols, columns),
        "over_seeds": seeds_report(recipes, columns),
        "warnings": list(dict.fromkeys(warnings)),
    }


def evidence_in_words(evidence: dict[str, Any], columns: Sequence[Column]) -> str:
    """Format what a comparison shows, as Markdown.

    Args:
        evidence: from ``comparison_evidence``.
        columns: the numbers.

    Returns:
        Tables and sentences after an empty line; empty if there is nothing to say.
    """
    seeds = seeds_table(evidence["over_seeds"], columns)
    found = differences_table(evidence["differences"], columns)
    runs = RUNS if seeds else ONE_RUN
    parts = [seeds, found, WORDS.format(runs=runs) + "\n" if found else "", *evidence_warnings(evidence)]
    return "".join(f"\n{part}" for part in parts if part)


def evidence_warnings(evidence: dict[str, Any]) -> list[str]:
    """Return the warnings as lines of Markdown.

    Args:
        evidence: from ``comparison_evidence``.

    Returns:
        The lines.
    """
    return [f"**Beware: {sentence}.**\n" for sentence in evidence["warnings"]]


def _protocol(row: dict[str, Any], table: PerImageTable) -> tuple[Any, ...]:
    """Return what two tests must have in common: the truth, and whether boxes are given, found or all there is."""
    if row["test"] is None:
        return "boxes alone", tuple(sorted(table.images))
    return "whole images" if "box/AP" in row["numbers"] else "given boxes", row["test"]["digest"]


def _dataset(done: Sequence[dict[str, Any]], out: Path, data: Path, group_by: str | None) -> Any:
    """Return the test split, if its annotation files are needed; else a stand-in that says where the data are."""
    if not done or group_by is None or not group_by.startswith(KEY):
        return SimpleNamespace(data_root=str(data))
    row = next((row for row in done if "config" in row), done[0])
    cfg = load_config(out / row["name"] / Path(row["config"]).name, data=data)
    return DATASETS.build(cfg.test_dataloader.dataset)
