"""Find labels that disagree with what models find that have not seen them."""

import hashlib
import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.apis.comparison.budget import Budget
from kpplugins.apis.labelling.fold_run import trained_fold, write_config
from kpplugins.apis.labelling.folds import fold_of_images, groups_of, write_fold
from kpplugins.apis.labelling.guesses import evidence_of
from kpplugins.config.load import load_config
from kpplugins.curation.check import material_of
from kpplugins.curation.checks.images.looks import look_at
from kpplugins.curation.checks.material import Material
from kpplugins.curation.stats import opened
from kpplugins.curation.suspects.audit_page import write_audit_page
from kpplugins.curation.suspects.audit_report import AuditReport
from kpplugins.curation.suspects.evidence import Evidence
from kpplugins.curation.suspects.find import find_suspects
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import Progress, images_of
from kpplugins.inference.predictor import Predictor
from kpplugins.storage.files import is_file, read_bytes
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path
from kpplugins.structures.replaced_file import replace_text

logger = logging.getLogger(__name__)


def audit(
    source: str | Path,
    run: str | Path,
    *,
    out: str | Path,
    folds: int | None = None,
    epochs: int | None = None,
    minutes: float | None = None,
    clock: str = "wall",
    seed: int = 0,
    group_by: str | None = None,
    from_format: str | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> AuditReport:
    """Compare every label with the prediction of a model that was not trained on its image.

    With ``folds``, the run's config is trained anew on all images but those of a fold, for each fold; groups and images
    that look the same are in one fold. A call that was stopped goes on with what is there. Without ``folds``, the run
    itself predicts on the images that it was not trained on, and the others are left out.

    Args:
        source: labels in any known format.
        run: a work dir, a checkpoint, or a config file (with ``folds``, one that was never trained will do).
        out: folder for ``audit.html``, ``audit.json`` and, with ``folds``, ``fold_1`` …
        folds: number of folds, or ``None``.
        epochs: of each fold's training. Default: as many as the run's config says.
        minutes: time of each fold's training, instead of ``epochs``.
        clock: ``wall``, or ``cpu`` for minutes of one processor core.
        seed: of the folds, and of each training.
        group_by: see ``groups_of``.
        from_format: the source's format; ``None`` detects it.
        progress: called with (images done, of all) while images are decoded and predicted on.
        **options: of ``open_source``.

    Returns:
        The suspects, the largest expected gain first.

    Raises:
        BadInputError: see ``open_source``, ``fold_of_images``, ``write_config`` and ``trained_fold``; the model has
            other keypoints than the labels; a budget without folds; or the run was trained on all images.
    """
    source, out = as_path(source), Path(out)
    budget = None if epochs is None and minutes is None else Budget(epochs, minutes, clock)
    if folds is None and budget is not None:
        raise BadInputError(
            "a budget without folds: nothing would be trained",
            where="--epochs, --minutes",
            todo="give --folds 5 too",
        )
    with opened(source, from_format, **options) as (known, reading):
        out.mkdir(parents=True, exist_ok=True)
        if folds is None:
            evidence, models, notes = _by_run(source, known.name, reading, run, progress)
        else:
            material = material_of(source, known.name, reading, group_by, progress)
            evidence, models, notes = _by_folds(material, run, out, folds, budget, seed, progress)
        report = AuditReport(
            source, known.name, models, evidence, tuple(find_suspects(evidence)), tuple(notes)
        )
        report = replace(report, notes=(*report.notes, *_notes(reading, evidence)))
        replace_text(out / "audit.json", json.dumps(report.to_json(), indent=1) + "\n")
        write_audit_page(report, reading, out / "audit.html")
    return report


def _by_folds(
    material: Material, run: str | Path, out: Path, folds: int, budget: Budget | None, seed: int,
    progress: Progress | None,
) -> tuple[Evidence, str, list[str]]:  # fmt: skip
    """Train and predict fold by fold."""
    reading = material.reading
    reading.without(set(material.looks.undecodable))
    groups = groups_of(material)
    held = fold_of_images({image.path: groups[image.path] for image in images_of(reading)}, folds, seed)
    config = write_config(run, reading.schema, out)
    parts, rows = [], _compared(reading)
    for fold in range(folds):
        folder = out / f"fold_{fold + 1}"
        write_fold(reading, groups, held, fold, folder / "data", seed)
        logger.info("fold %d of %d", fold + 1, folds)
        predictor = Predictor(trained_fold(config, folder, budget, seed))
        own = [i for i in rows if held[reading.records[i].image] == fold]
        parts.append(_evidence(predictor, reading, own, material.derived[own], progress))
    words = f"models trained on the other {folds - 1} of {folds} folds"
    if budget is not None:
        words += f" ({budget})"
    unread = len(material.looks.undecodable)
    return Evidence.joined(parts), words, [f"{unread} images cannot be decoded: see check."] if unread else []


def _by_run(
    source: Path, name: str, reading: AnnotationSet, run: str | Path, progress: Progress | None
) -> tuple[Evidence, str, list[str]]:
    """Predict with the run itself where it was not trained."""
    predictor = Predictor(run)
    seen, notes = _seen(predictor, reading, source)
    rows = [i for i in _compared(reading) if reading.records[i].image not in seen]
    if not rows:
        raise BadInputError(
            "no labelled image that this run was not trained on", where=str(source),
            found=f"{len(seen)} images of its training", todo="give --folds 5: its config is trained anew",
        )  # fmt: skip
    material = material_of(source, name, reading, looks=look_at([]))
    evidence = _evidence(predictor, reading, rows, material.derived[rows], progress)
    return evidence, f"the run {predictor.model.name}", notes


def _evidence(
    predictor: Predictor,
    reading: AnnotationSet,
    rows: list[int],
    derived: np.ndarray,
    progress: Progress | None,
) -> Evidence:
    if set(predictor.schema.keypoints) != set(reading.schema.keypoints):
        raise BadInputError(
            "the model has other keypoints than the labels", where="--run",
            expected=", ".join(reading.schema.keypoints), found=", ".join(predictor.schema.keypoints),
        )  # fmt: skip
    names, own = reading.schema.keypoints, reading.category_keypoints
    records = [reading.records[i] for i in rows]
    possible = np.array([[name in own.get(r.category, names) for name in names] for r in records], bool)
    return evidence_of(predictor, records, reading.schema, derived, possible, progress)


def _compared(reading: AnnotationSet) -> list[int]:
    """Return the indices of the records that can be compared: with a keypoint, and no crowds."""
    return [i for i, r in enumerate(reading.records) if r.num_labelled and not r.crowd]


def _seen(predictor: Predictor, reading: AnnotationSet, source: Path) -> tuple[set[Path], list[str]]:
    """Return the images that the run was trained on, and what is to be said about it.

    They are found by their content where the run's training data are still there; else, the source's own train split
    is taken for them.
    """
    paths = [image.path for image in images_of(reading)]
    learnt = _learnt(predictor)
    if learnt:
        seen = {path for path in paths if _digest(path) in learnt}
        words = f"{len(seen)} of {len(paths)} images are left out: the run was trained on them (--folds takes all)."
        return seen, [words] if seen else ["none of the images was in the run's training data."]
    seen = {path for path in paths if reading.splits.get(path) == "train"}
    if seen:
        return seen, [
            f"the run's training data are not there to compare: the {len(seen)} images of the train split are taken for"
            " them and left out (--folds takes all)."
        ]
    return set(), [
        "the run's training data are not there to compare: labels that it was trained on hide their faults"
        " (--folds 5 trains models that have not seen them)."
    ]


def _learnt(predictor: Predictor) -> set[bytes]:
    """Return the hashes of the images in the run's training data; empty where these are not files, or not there."""
    from mmpose.registry import DATASETS

    cfg = predictor.config
    if cfg is None or not cfg.get("train_dataloader"):
        return set()
    try:
        dataset = DATASETS.build({**load_config(cfg).train_dataloader.dataset, "pipeline": []})
        named = {dataset.get_data_info(i)["img_path"] for i in range(len(dataset))}
        return {_digest(as_path(name)) for name in named if is_file(as_path(name))}
    except (BadInputError, OSError, KeyError) as error:
        logger.info("the run's training data: %s", error)
        return set()


def _digest(path: Path) -> bytes:
    return hashlib.blake2b(read_bytes(path), digest_size=16).digest()


def _notes(reading: AnnotationSet, evidence: Evidence) -> list[str]:
    """Return what was not compared."""
    bare = sum(not r.num_labelled and not r.crowd for r in reading.records)
    lost = int((~evidence.found).sum())
    notes = [f"{bare} instances without a labelled keypoint are not judged."] if bare else []
    return notes + ([f"at {lost} labels the model found nothing: they are not judged."] if lost else [])
