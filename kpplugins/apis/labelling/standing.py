"""Where a project stands: what its files say about labels, errors, suspects, and what is left to be labelled."""

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.curation.stats import opened
from kpplugins.data.annotation_set import REPORT_FILE, SCHEMA_FILE, AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.splits import SPLITS
from kpplugins.inference.video.input_files import find_inputs, is_video
from kpplugins.structures import BadInputError

METRICS_FILE, CURVE_FILE = "metrics.json", "learning_curve.json"
NUMBERS = ("AP", "PCK@0.05", "EPE")
"""Numbers of a test that are shown, where it has them."""
_FEW_TESTED = 50
"""Test images below which a test tells little."""


@dataclass(frozen=True)
class Split:
    """The labels of one split; ``labelled`` are keypoints that are visible or occluded."""

    name: str
    images: int
    instances: int
    labelled: int


@dataclass(frozen=True)
class Measured:
    """A number of the last test, with the ends of its interval where the test computed one."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None

    @property
    def words(self) -> str:
        """Return the number with its interval."""
        ends = "" if self.low is None else f" ({self.low:.4g} to {self.high:.4g})"
        return f"{self.name} {self.value:.4g}{ends}"


@dataclass
class Standing:
    """What is known of a project.

    Attributes:
        source: the labels.
        splits: labels by split.
        fewest: the keypoint that is labelled least often, and how often.
        about: the folder of what ``check`` and ``audit`` write.
        run: the work dir of the last run with these keypoints, if there is one.
        tested: numbers of its test.
        outdated: the labels are newer than the test, or than the run.
        curve: content of ``learning_curve.json``, and its file.
        check: content of ``check.json``.
        audit: content of ``audit.json``.
        corrected: what ``convert`` found out about pre-labels (see ``correction_report``).
        pool: how many images and videos wait to be labelled.
        chosen: content of ``next.json``, and its file.
        todo: (what, command) in the order in which it should be done; the command may be empty.
    """

    source: Path
    splits: list[Split]
    fewest: tuple[str, int]
    about: Path
    run: Path | None = None
    tested: list[Measured] = field(default_factory=list)
    outdated: bool = False
    curve: tuple[dict[str, Any], Path] | None = None
    check: dict[str, Any] | None = None
    audit: dict[str, Any] | None = None
    corrected: dict[str, Any] | None = None
    pool: Counter[str] = field(default_factory=Counter)
    chosen: tuple[dict[str, Any], Path] | None = None
    todo: list[tuple[str, str]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return what is printed: a line each."""
        lines = [
            f"{s.name}: {s.images} images, {s.instances} instances, {s.labelled} keypoints"
            for s in self.splits
        ]
        lines.append(f"labelled least often: {self.fewest[0]}, {self.fewest[1]} times")
        old = "; the labels are newer" if self.outdated else ""
        numbers = ", ".join(one.words for one in self.tested) or "not tested"
        lines.append("no run yet" if self.run is None else f"last run: {self.run}: {numbers}{old}")
        lines += self.lines
        lines += [f"next: {what}{': ' + command if command else ''}" for what, command in self.todo]
        return "\n".join(lines)

    @property
    def lines(self) -> list[str]:
        """Return what check, audit, learning curve, pre-labels and pool say, a line each."""
        lines = []
        if self.check is not None:
            found = ", ".join(f"{n} {kind}" for kind, n in self.check.get("severities", {}).items() if n)
            lines.append(f"check: {found or 'nothing found'}: {self.about / 'check.html'}")
        if self.audit is not None:
            kinds = ", ".join(f"{n} {kind}" for kind, n in self.audit.get("kinds", {}).items())
            lines.append(f"audit: {kinds or 'no suspects'}: {self.about / 'audit.html'}")
        if self.curve is not None and isinstance(twice := self.curve[0].get("twice"), dict):
            ends = f"{twice['error']:.4g} ({twice['low']:.4g} to {twice['high']:.4g})"
            lines.append(f"learning curve: with twice the labels {self.curve[0].get('metric')} {ends}")
        if self.corrected is not None:
            points = self.corrected["keypoints"]
            share = 100 * (points["left alone"] or 0)
            lines.append(f"pre-labels: of {points['predicted']} keypoints {share:.0f} % left alone")
        if self.pool:
            lines.append("to be labelled: " + ", ".join(f"{n} {kind}" for kind, n in self.pool.items()))
        if self.chosen is not None:
            lines.append(
                f"chosen to be labelled: {len(self.chosen[0]['images'])} images in {self.chosen[1].parent}"
            )
        return lines


def standing_of(
    source: Path, pool: Sequence[str | Path] = (), run: Path | None = None, chosen: Path = Path("next")
) -> Standing:
    """Read what there is; nothing is trained, predicted or examined.

    Args:
        source: the labels, in any known format.
        pool: images, folders and videos that are to be labelled.
        run: a work dir. Default: the newest in ``work_dirs`` that was tested, else trained, with the same keypoints.
        chosen: the folder that ``kpplugins dataset next`` made, if it did.

    Returns:
        The standing.

    Raises:
        BadInputError: see ``open_source`` and ``find_inputs``; or ``run`` is not a work dir with these keypoints.
    """
    about = Path("work_dirs") / f"data_{source.resolve().name if source.is_dir() else source.stem}"
    with opened(source) as (_, reading):
        standing = Standing(source, _splits(reading), _fewest(reading), about)
        keypoints = reading.schema.keypoints
        files = {record.source for record in reading.records}
    newest = max((file.stat().st_mtime for file in files if file.is_file()), default=0.0)
    standing.run = _run(run, keypoints)
    if standing.run is not None:
        file = standing.run / METRICS_FILE
        metrics = _content(file)
        trained = max((p.stat().st_mtime for p in standing.run.glob("*.pth")), default=newest)
        if metrics is not None and file.stat().st_mtime >= trained:  # not of weights that are gone
            standing.tested = _numbers(metrics)
        standing.outdated = newest > trained
    standing.check, standing.audit = (_of(source, about / f"{name}.json") for name in ("check", "audit"))
    for file in sorted(Path("work_dirs").glob(f"**/{CURVE_FILE}"), key=lambda p: p.stat().st_mtime):
        curve = _content(file)
        if curve is not None and Path(str(curve.get("data"))).resolve() == source.resolve():
            standing.curve = (curve, file)  # the newest of these data
    report = _content(source / REPORT_FILE)
    standing.corrected = (report or {}).get("pre-labels")
    if pool:
        standing.pool = Counter("videos" if is_video(p) else "images" for p in find_inputs(pool))
    content = _content(chosen / "next.json")
    standing.chosen = None if content is None else (content, chosen / "next.json")
    standing.todo = _todo(standing, pool)
    return standing


def _splits(reading: AnnotationSet) -> list[Split]:
    """Count labels by split; ``all`` are those of images that are in none."""
    images = Counter(reading.splits.get(image.path, "all") for image in images_of(reading))
    names = [*(SPLITS if reading.splits else ()), *(["all"] if images["all"] or not reading.splits else [])]
    found = []
    for name in names:
        records = [r for r in reading.records if reading.splits.get(r.image, "all") == name]
        found.append(Split(name, images[name], len(records), sum(r.num_labelled for r in records)))
    return found


def _fewest(reading: AnnotationSet) -> tuple[str, int]:
    counts = np.zeros(reading.schema.num_keypoints, int)
    for record in reading.records:
        counts += record.keypoints[:, 2] > 0
    least = int(counts.argmin())
    return reading.schema.keypoints[least], int(counts[least])


def _run(given: Path | None, keypoints: Sequence[str]) -> Path | None:
    """Return the work dir that is meant; one that was given must fit."""
    if given is not None:
        schema = _content(given / SCHEMA_FILE)
        if schema is None or schema.get("keypoints") != list(keypoints):
            raise BadInputError(
                "not a run with these keypoints", where=f"--run {given}", expected=", ".join(keypoints)[:120],
                found="no schema.json" if schema is None else ", ".join(map(str, schema.get("keypoints", [])))[:120],
            )  # fmt: skip
        return given
    fitting = [
        path.parent
        for path in Path("work_dirs").glob(f"*/{SCHEMA_FILE}")
        if (_content(path) or {}).get("keypoints") == list(keypoints) and any(path.parent.glob("*.pth"))
    ]
    return max(fitting, key=_last_changed, default=None)


def _last_changed(run: Path) -> tuple[bool, float]:
    metrics = run / METRICS_FILE
    files = [metrics] if metrics.is_file() else list(run.glob("*.pth"))
    return metrics.is_file(), max(p.stat().st_mtime for p in files)


def _numbers(metrics: dict[str, Any]) -> list[Measured]:
    """Return the numbers of a test that are shown, whatever prefix they have."""
    ends = (metrics.get("intervals") or {}).get("numbers") or {}
    found = []
    for name in NUMBERS:
        key = next((k for k in metrics if k.rpartition("/")[2] == name), None)
        if key is not None and isinstance(metrics[key], (int, float)):
            low, high = ends.get(key) or (None, None)
            found.append(Measured(name, float(metrics[key]), low, high))
    return found


def _todo(standing: Standing, pool: Sequence[str | Path]) -> list[tuple[str, str]]:
    """Say what is to be done, the most urgent first."""
    data, run = shlex.quote(str(standing.source)), shlex.quote(str(standing.run))
    todo: list[tuple[str, str]] = []
    if standing.check is None:
        todo.append(("look for faults in the labels", f"kpplugins dataset check {data}"))
    elif standing.check.get("severities", {}).get("harmful"):
        todo.append(("correct what check found harmful, see its page, and check again", ""))
    tested = {split.name: split.images for split in standing.splits}.get("test", 0)
    if tested < _FEW_TESTED:
        todo.append((f"{tested} test images tell little: label more of them, at least {_FEW_TESTED}", ""))
    if standing.run is None or standing.outdated:
        what = "train" if standing.run is None else "train again: the labels are newer than the run"
        return [*todo, (what, f"kpplugins train --auto --data {data}")]
    if not standing.tested:
        best = max(standing.run.glob("best_*.pth"), key=lambda p: p.stat().st_mtime, default=standing.run)
        todo.append(
            ("test the run", f"kpplugins test {shlex.quote(str(best))} --data {data} --work-dir {run}")
        )
    if standing.audit is None:
        todo.append(("ask the run which labels are wrong", f"kpplugins dataset audit {data} --run {run}"))
    elif standing.audit.get("suspects"):
        todo.append(("look at the labels that the audit suspects, on its page, and correct them", ""))
    if standing.curve is None:
        todo.append(
            (
                "ask what more labels would bring",
                f"kpplugins learning-curve CONFIG --data {data} --out work_dirs/curve",
            )
        )
    if standing.chosen is not None:
        where = standing.chosen[1].parent
        todo.append((f"correct the images in {where}, convert them, and merge them with the others", ""))
    elif pool:
        words = " ".join(shlex.quote(str(p)) for p in pool)
        command = f"kpplugins dataset next {words} --run {run} --labelled {data} --out next"
        todo.append(("choose what to label next", command))
    return todo


def _of(source: Path, path: Path) -> dict[str, Any] | None:
    """Return what a report says, if it is about this source."""
    content = _content(path)
    if content is None or Path(str(content.get("source"))).resolve() != source.resolve():
        return None
    return content


def _content(path: Path) -> dict[str, Any] | None:
    """Return the content of a JSON file of ours; nothing if it is not there, or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
