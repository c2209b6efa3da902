"""Which of the labels that were spoiled are found again: python -m benchmarks.wrong_labels --sources DIR.

A twentieth of the instances of real sets is spoiled in five ways (``benchmarks.spoiled``). `kpplugins dataset audit`
trains a small hourglass on five folds of the spoiled labels and ranks its suspects; as many instances as were spoiled
are looked at, from the top. Beside it stands what `kpplugins dataset check` names without a model. So that more labels
are spoiled than a twentieth, the folds' models, which never see the images that they judge, also judge other draws of
spoiled labels (``--draws``). Stopped and started again, it goes on with what is not trained.
"""

import argparse
import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.pretrained import SETS
from benchmarks.spoiled import WAYS, Spoiled, spoil
from kpplugins.apis.labelling.audit import audit
from kpplugins.apis.labelling.guesses import evidence_of
from kpplugins.commands._command import run
from kpplugins.config.config_text import config_text
from kpplugins.curation.check import examine, material_of
from kpplugins.curation.checks.images.looks import look_at
from kpplugins.curation.suspects.evidence import Evidence
from kpplugins.curation.suspects.find import find_suspects
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of, names_below, write_coco
from kpplugins.formats.open_source import open_source
from kpplugins.inference.predictor import Predictor
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.table import markdown_table
from kpplugins.weights.checkpoints import default_checkpoint

ROOT = Path(__file__).resolve().parent.parent
SHARE, FOLDS = 0.05, 5
PRECISION = 0.7
"""Of a list that is read as far as it is worth it."""
FAR = 3
"""Median errors from which on a moved keypoint must be found."""
MOST = 800
"""Instances of a set that are used: the first ones."""


def config_of(out: Path) -> Path:
    """Write the config of a small hourglass.

    Args:
        out: the folder.

    Returns:
        The file.
    """
    alone = {"num_workers": 0, "persistent_workers": False}
    settings = {
        "input_size": (64, 64), "model": {"backbone": {"channels": 32}, "head": {"in_channels": 32}},
        "train_dataloader": alone, "val_dataloader": alone, "test_dataloader": alone,
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    replace_text(out / "small.py", config_text(ROOT / "configs/custom_hourglass_small.py", settings))
    return out / "small.py"


class Judges:
    """A real set, and five models that were each trained without a fifth of it, on labels spoiled by seed 0.

    Args:
        data: key of ``SETS``.
        sources: folder of the sets.
        out: folder for results.
        minutes: CPU-minutes of each fold's training.
    """

    def __init__(self, data: str, sources: Path, out: Path, minutes: float) -> None:
        told = SETS[data]
        reader = {key: told.arguments[key] for key in ("names", "subset") if key in told.arguments}
        folder = out / data
        _, reading = open_source(sources / told.source, extract_to=folder / "images", **reader)
        self.reading = AnnotationSet(reading.schema, reading.records[:MOST])
        names = names_below([image.path for image in images_of(self.reading)])
        bad, _ = spoil(self.reading, SHARE, 0)
        if not (folder / "data").is_dir():
            write_coco(bad, folder / "data", dict.fromkeys(names, "train"), names=names)
        audit(
            folder / "data", config_of(out), out=folder / "audit", folds=FOLDS, minutes=minutes, clock="cpu"
        )
        self.folds = []
        for fold in sorted((folder / "audit").glob("fold_*")):
            content = json.loads((fold / "data/annotations/test.json").read_text(encoding="utf-8"))
            held = {Path(image["file_name"]).name for image in content["images"]}
            self.folds.append((Predictor(default_checkpoint(fold / "run")), held))
        self.look()

    def look(self) -> None:
        """Predict at the labels as they were published."""
        self.looks = look_at(images_of(self.reading))
        self.rows = [i for i, r in enumerate(self.reading.records) if r.num_labelled and not r.crowd]
        self.published = self._evidence(self.reading, self.rows)

    def judge(self, draw: int) -> dict[str, Any]:
        """Spoil labels, and see what is named.

        Args:
            draw: seed of what is spoiled.

        Returns:
            ``spoiled`` instances of all ``instances``; the ``median`` error in units of the instance's size and
            ``median px``; of ``audit`` and ``check`` what ``counted`` returns; and ``far`` where the list is read on
            to a precision of 0.7.
        """
        bad, told = spoil(self.reading, SHARE, draw)
        changed = {t.instance for t in told}
        fresh = self._evidence(bad, [i for i in self.rows if i in changed])
        old = [place for place, i in enumerate(self.rows) if i not in changed]
        evidence = Evidence.joined([self.published.chosen(old), fresh])
        rows = [self.rows[place] for place in old] + [i for i in self.rows if i in changed]
        ranked = list(dict.fromkeys(rows[s.instance] for s in find_suspects(evidence)))
        found = examine(material_of(Path(), "", bad, looks=self.looks)).findings
        named = [f.instance for f in found if f.severity != "note"]
        median = float(np.nanmedian(evidence.residuals))
        pixels = float(np.nanmedian(evidence.residuals * evidence.size[:, None]))
        far = [t for t in told if t.moved >= FAR * median]
        return {
            "draw": draw, "instances": len(rows), "spoiled": len(told), "median": median, "median px": pixels,
            "audit": counted(ranked[: len(told)], told, far),
            "far": counted(as_precise(ranked, {t.instance for t in told}), told, far)["far"],
            "check": counted([i for i in dict.fromkeys(named) if i is not None], told, far),
        }  # fmt: skip

    def first(self, number: int = 5) -> list[str]:
        """Name the first suspects among the labels as they were published.

        Args:
            number: how many.

        Returns:
            Kind, keypoints and image of each.
        """
        some = find_suspects(self.published)[:number]
        return [f"{s.gain:.2f} {s.kind} {', '.join(s.keypoints[:3])} {s.label.image.name}" for s in some]

    def _evidence(self, labels: AnnotationSet, rows: Sequence[int]) -> Evidence:
        """Return the evidence of some records, in their order."""
        derived = material_of(Path(), "", labels, looks=self.looks).derived
        parts, order = [], []
        for predictor, held in self.folds:
            own = [i for i in rows if labels.records[i].image.name in held]
            possible = np.ones((len(own), labels.schema.num_keypoints), bool)
            some = [labels.records[i] for i in own]
            parts.append(evidence_of(predictor, some, labels.schema, derived[own], possible))
            order += own
        place = {i: n for n, i in enumerate(order)}
        return Evidence.joined(parts).chosen([place[i] for i in rows])


def as_precise(ranked: Sequence[int], spoiled: Collection[int]) -> Sequence[int]:
    """Return the longest beginning of a list of which seven tenths are spoiled.

    Args:
        ranked: instances, the first suspect first.
        spoiled: those that are.

    Returns:
        The first ones.
    """
    hits = np.cumsum([i in spoiled for i in ranked])
    good = np.flatnonzero(hits >= PRECISION * np.arange(1, len(ranked) + 1))
    return ranked[: int(good.max(initial=-1)) + 1]


def counted(named: Sequence[int], spoiled: Sequence[Spoiled], far: Sequence[Spoiled]) -> dict[str, Any]:
    """Count what was found.

    Args:
        named: instances that were named.
        spoiled: what was spoiled.
        far: keypoints that were moved far.

    Returns:
        How many were ``named``, ``found`` of them (spoiled indeed), and pairs (found, of all) for each way and ``far``.
    """

    def found(some: Sequence[Spoiled]) -> tuple[int, int]:
        return sum(s.instance in set(named) for s in some), len(some)

    ways = {way: found([s for s in spoiled if s.way == way]) for way in WAYS}
    return {"named": len(named), "found": found(spoiled)[0], "ways": ways, "far": found(far)}


def table(rows: dict[str, list[dict[str, Any]]]) -> str:
    """Write the figures, summed over the draws, as Markdown.

    Args:
        rows: of each data set what ``Judges.judge`` returned.

    Returns:
        A row for each set by ``audit``, and one by ``check``.
    """
    far = f"moved {FAR} medians or more"
    heads = ["data", "by", "named", "precision", "recall", *WAYS, far, f"{far}, at precision {PRECISION:g}"]
    lines = []
    for data, draws in rows.items():
        spoiled = sum(row["spoiled"] for row in draws)
        words = f"{data}: {draws[0]['spoiled']} of {draws[0]['instances']}, {len(draws)} draws"
        for by in ("audit", "check"):
            told = [row[by] for row in draws]
            named, found = (sum(t[key] for t in told) for key in ("named", "found"))
            pairs = [[t["ways"][way] for t in told] for way in WAYS] + [[t["far"] for t in told]]
            shares = [f"{sum(a for a, _ in some)} of {sum(b for _, b in some)}" for some in pairs]
            deep = [row["far"] for row in draws] if by == "audit" else []
            shares.append(f"{sum(a for a, _ in deep)} of {sum(b for _, b in deep)}" if deep else "")
            lines.append(
                [words, by, named, f"{found / max(named, 1):.2f}", f"{found / spoiled:.2f}", *shares]
            )
    return markdown_table(heads, lines)


def main() -> int:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description="Spoil labels, and count which are found again.")
    parser.add_argument("--sources", type=Path, required=True, help="folder of the data sets")
    parser.add_argument(
        "--out", type=Path, default=Path("work_dirs/wrong_labels"), help="folder (%(default)s)"
    )
    parser.add_argument(
        "--cpu-minutes", type=float, default=0.6, help="of each fold's training (%(default)s)"
    )
    parser.add_argument("--draws", type=int, default=20, help="of spoiled labels (%(default)s)")
    parser.add_argument(
        "--only", nargs="+", choices=SETS, default=["faces", "tubes", "mouse"], help="data sets"
    )
    args = parser.parse_args()

    def work() -> int:
        kept = args.out / "wrong_labels.json"
        rows = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
        for data in args.only:
            judges = Judges(data, args.sources, args.out, args.cpu_minutes)
            print(f"{data}, as published: " + "; ".join(judges.first()), flush=True)
            rows[data] = []
            for draw in range(1, args.draws + 1):
                rows[data].append(judges.judge(draw))
                replace_text(kept, json.dumps(rows, indent=1) + "\n")
                replace_text(args.out / "wrong_labels.md", table(rows))
        print(table(rows))
        return 0

    return run(work)


if __name__ == "__main__":
    sys.exit(main())
