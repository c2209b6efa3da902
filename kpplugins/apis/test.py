"""Test a run: metrics, a table, and images."""

import copy
import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.dist import is_main_process

from kpplugins.apis.statistics.interval_report import MeasuredImages, interval_report
from kpplugins.apis.submission import read_task, submit
from kpplugins.compat.checkpoints import trust_checkpoints
from kpplugins.config.load import datasets_of, environment_of, load_config, schema_of, work_dir_of
from kpplugins.config.parts import classes_of
from kpplugins.data.images import SHOWN, read_image
from kpplugins.engine.processes.joining import join
from kpplugins.engine.runner import build_runner
from kpplugins.evaluation import BoxKeypointMetric, EvaluationResult, KeypointMetric
from kpplugins.evaluation.calibrations import calibrations_of
from kpplugins.evaluation.detection_result import DetectionResult
from kpplugins.evaluation.intervals.resampling import LEAST_RESAMPLES, RESAMPLES
from kpplugins.evaluation.limits import limits_in_words, limits_of
from kpplugins.evaluation.metrics.box_metric import BoxMetric
from kpplugins.evaluation.uncertainty import uncertainty_numbers
from kpplugins.evaluation.visibility import visibility_numbers
from kpplugins.inference.trained.trained_model import OpenedRun, open_run
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.curves import CURVES, plot_curves
from kpplugins.visualization.error_curves import ERRORS, plot_errors
from kpplugins.visualization.reliability import RELIABILITY, plot_reliability
from kpplugins.visualization.sheet import SHEET, best_and_worst
from kpplugins.visualization.table import (
    per_category_table,
    per_keypoint_table,
    uncertainty_table,
    visibility_table,
)
from kpplugins.weights.checkpoints import SUFFIXES, default_checkpoint, load_strictly
from kpplugins.weights.run_record import RunRecord

logger = logging.getLogger(__name__)
WITH_RESULT = (KeypointMetric, BoxKeypointMetric)
"""Metrics that keep every instance."""


def test(
    config: str | Path | None = None,
    checkpoint: str | Path | None = None,
    *,
    work_dir: str | Path | None = None,
    data: str | Path | None = None,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = "none",
    skip_bad: bool = False,
    trust_checkpoint: bool = False,
    submission: str | Path | None = None,
    predictions: str | Path | None = None,
    calibrate: bool = False,
    group_by: str | None = None,
    resamples: int = RESAMPLES,
) -> tuple[dict[str, float], Path, str]:
    """Test a checkpoint on its config's test split.

    Args:
        config: the config file. Default: the one in the checkpoint.
        checkpoint: the weights. Default: the best ones of the config's work dir, or of the newest run.
        work_dir: of the run: its best checkpoint is tested and the results are written there. Default: the config's
            own, or the checkpoint's folder where its own config is used.
        data: the data folder that every dataset reads. Default: the config's own.
        cfg_options: values by dotted key that override the config's.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.
        skip_bad: skip bad files and log how many and why, instead of stopping.
        trust_checkpoint: let the checkpoint run code while it is loaded.
        submission: file to write Kaggle's facial-keypoints submission to, from ``test.csv`` and ``IdLookupTable.csv``
            in the data folder.
        predictions: JSON file to write every test instance to, with truth, prediction and error (see
            ``write_predictions``).
        calibrate: learn first from the val split what the checkpoint's scores say about visibility and uncertainty, as
            training does, and write it into ``visibility.json`` and ``uncertainty.json`` beside the checkpoint, where
            prediction and export find it.
        group_by: what test images that belong together have in common, for the intervals: a regular expression on their
            paths, or ``key:NAME`` of the annotation file's images (see ``image_groups_of``).
        resamples: of the test images, for the intervals; 0 leaves the intervals out.

    Returns:
        The metrics by name; the work dir with ``metrics.json``, ``per_keypoint.md``, ``best_and_worst.jpg``,
        ``errors.png`` and ``curves.png``; and the per-keypoint table. Without ``KeypointMetric`` or
        ``BoxKeypointMetric`` in the config, the table is empty and no images are drawn.

    Raises:
        BadInputError: there is no such run or checkpoint, the checkpoint is of another model, predictions are to be
            written without one of those metrics, or images cannot be grouped.
    """
    _require_resamples(resamples)
    if predictions is not None:
        _require_json(Path(predictions))
    run = _run(config, checkpoint, work_dir, trust_checkpoint)
    join(launcher, {} if launcher == "none" else environment_of(run.config, cfg_options))
    own = run.checkpoint.parent if isinstance(run.config, Config) else None
    cfg = load_config(
        run.config, data=data, work_dir=work_dir or own, cfg_options=cfg_options, skip_bad=skip_bad
    )
    cfg.work_dir = str(work_dir_of(cfg))
    cfg.launcher = launcher
    out = Path(cfg.work_dir)
    _require_same_points(cfg, run)
    task = None if submission is None else read_task(cfg, schema_of(cfg), Path(submission))
    with trust_checkpoints(trust_checkpoint):
        if calibrate:
            run = _calibrated(run, cfg)
        runner = build_runner(cfg, training=False)
        if predictions is not None:
            _require_result(runner.test_evaluator.metrics)
        load_strictly(runner.model, run.checkpoint, run.content)
        numbers = runner.test()
    table = ""
    if is_main_process():
        origin = {"config": str(config or "in the checkpoint"), "checkpoint": str(run.checkpoint)}
        results = [m.result for m in runner.test_evaluator.metrics if isinstance(m, WITH_RESULT) and m.result]
        image_of = getattr(runner.test_dataloader.dataset, "image", partial(read_image, rule=SHOWN))
        intervals = _intervals(runner, group_by, resamples)
        table = write_report(
            out, numbers, results[0] if results else None, origin, image_of, run.record, intervals
        )
        if predictions is not None and results:
            write_predictions(Path(predictions), results[0], {**origin, "metrics": numbers})
        if task is not None and submission is not None:
            counts = submit(runner.model, cfg, schema_of(cfg), *task, Path(submission))
            logger.info("%s: %s", submission, ", ".join(f"{n} {what}" for what, n in counts.items()))
        if not (out / CURVES).is_file():  # a training that was stopped drew none
            plot_curves(out)
    return numbers, out, table


test.__test__ = False  # type: ignore[attr-defined]  # not a test case of pytest


def _require_resamples(resamples: int) -> None:
    if not isinstance(resamples, int) or 0 < resamples < LEAST_RESAMPLES or resamples < 0:
        raise BadInputError(
            "too few resamples for an interval", where="--resamples", found=repr(resamples),
            expected=f"{LEAST_RESAMPLES} or more, or 0 for none",
        )  # fmt: skip


def _intervals(runner: Any, group_by: str | None, resamples: int) -> dict[str, Any] | None:
    """Return the intervals of the test that a runner has done, for ``metrics.json``; log what to beware of."""
    metrics = runner.test_evaluator.metrics
    tested = MeasuredImages.of(metrics) if resamples else []
    others = [
        type(metric).__name__ for metric in metrics if not isinstance(metric, (*WITH_RESULT, BoxMetric))
    ]
    if resamples and others:
        logger.warning("no intervals of the numbers of %s, which keeps no instances", ", ".join(others))
    if not tested:
        return None
    report = interval_report(tested, runner.test_dataloader.dataset, group_by=group_by, resamples=resamples)
    for sentence in report["warnings"]:
        logger.warning("%s", sentence)
    return report


def _run(
    config: str | Path | None, checkpoint: str | Path | None, work_dir: str | Path | None, trust: bool
) -> OpenedRun:
    """Open the run that the arguments name; a work dir gives the checkpoint if none is named."""
    if (
        checkpoint is None
        and work_dir is not None
        and config is not None
        and Path(config).suffix not in SUFFIXES
    ):
        checkpoint = default_checkpoint(Path(work_dir))
    return open_run(config, checkpoint, trust)


def _calibrated(run: OpenedRun, cfg: Config) -> OpenedRun:
    """Learn visibility and uncertainty from the val split, and keep them beside the checkpoint."""
    cfg = copy.deepcopy(cfg)
    if cfg.get("val_dataloader") is None or cfg.get("val_evaluator") is None:
        raise BadInputError("nothing to calibrate with: the config has no val split", where="val_dataloader")
    cfg.test_dataloader, cfg.test_evaluator = cfg.val_dataloader, cfg.val_evaluator
    runner = build_runner(cfg, training=False)
    _require_result(runner.test_evaluator.metrics)
    load_strictly(runner.model, run.checkpoint, run.content)
    runner.test()
    if not is_main_process():
        return run
    result = next(m.result for m in runner.test_evaluator.metrics if getattr(m, "result", None))
    found = calibrations_of(result)
    reasons = [one for one in found.values() if isinstance(one, str)]
    if len(reasons) == len(found):
        raise BadInputError(
            "; ".join(reasons), where=str(run.checkpoint),
            todo="label more, and what is absent or occluded, in the val split",
        )  # fmt: skip
    record = run.record.calibrated(found)
    record.save_calibrations(run.checkpoint)
    for name, one in found.items():
        words = one if isinstance(one, str) else f"{run.checkpoint.with_name(name)}.json: {one.words}"
        logger.info(words)
    return replace(run, record=record)


def _require_same_points(cfg: Config, run: OpenedRun) -> None:
    """Raise if the checkpoint's run had other keypoints than the data, even if their number is the same.

    The same holds for the categories of a model that finds boxes: its labels are indices into a list of names.
    """
    if run.record.schema is None or next(datasets_of(cfg), None) is None:
        return
    classes = run.record.classes
    given_classes = tuple(classes_of(cfg)) if classes else ()
    if classes and given_classes and classes != given_classes:
        raise BadInputError(
            "the model was trained on other categories", where=str(run.checkpoint), expected=", ".join(classes),
            found=f"{', '.join(given_classes)} in the data",
            todo="test on data with the same categories in the same order",
        )  # fmt: skip
    trained, given = run.record.schema.keypoints, schema_of(cfg).keypoints
    if trained != given:
        raise BadInputError(
            "the model was trained on other keypoints" if set(trained) != set(given) else "keypoints in another order",
            where=str(run.checkpoint), expected=", ".join(trained), found=f"{', '.join(given)} in the data",
            todo="test on data with the same keypoints in the same order (schema.json of the data sets the order)",
        )  # fmt: skip


def _require_json(file: Path) -> None:
    """Raise, before anything is opened, if predictions cannot be written there."""
    if file.suffix.lower() != ".json" or file.is_dir():
        raise BadInputError(
            "not the name of a JSON file", where="--predictions", expected="NAME.json", found=str(file)
        )
    file.parent.mkdir(parents=True, exist_ok=True)


def _require_result(metrics: Sequence[Any]) -> None:
    """Raise, before the test begins, if no metric keeps the instances."""
    if not any(isinstance(metric, WITH_RESULT) for metric in metrics):
        raise BadInputError(
            "this needs a metric that keeps every instance", where="test_evaluator",
            expected=" or ".join(kind.__name__ for kind in WITH_RESULT),
            found=", ".join(type(metric).__name__ for metric in metrics) or "none",
            todo='test_evaluator = dict(_delete_=True, type="KeypointMetric")',
        )  # fmt: skip


def write_predictions(file: Path, result: EvaluationResult, origin: dict[str, Any]) -> None:
    """Write every test instance with truth, prediction, scores, error and image.

    Args:
        file: the JSON file. Its entries are those of ``origin``, ``keypoint_names``, and ``instances`` as
            ``EvaluationResult.per_instance`` gives them; for a model that finds the boxes also ``unmatched``, the
            predictions that belong to none of these.
        result: of the test.
        origin: entries that say where it comes from.
    """
    content: dict[str, Any] = {
        **origin, "keypoint_names": list(result.schema.keypoints), "instances": result.per_instance(),
    }  # fmt: skip
    if isinstance(result, DetectionResult):
        content["unmatched"] = result.unmatched()
    replace_text(file, json.dumps(finite(content), indent=1, ensure_ascii=False) + "\n")
    logger.info("%s: %d instances with truth and prediction", file, len(content["instances"]))


def write_report(
    out: Path,
    numbers: dict,
    result: EvaluationResult | None,
    origin: dict[str, str],
    image_of: Callable[[str], np.ndarray],
    record: RunRecord | None = None,
    intervals: dict[str, Any] | None = None,
) -> str:
    """Write ``metrics.json``, ``per_keypoint.md``, ``best_and_worst.jpg``, ``errors.png`` and ``reliability.png``.

    Args:
        out: folder for the files, which exists.
        numbers: the metrics by name.
        result: predictions and labels; ``None`` writes ``metrics.json`` alone.
        origin: more entries of ``metrics.json``: config and checkpoint.
        image_of: reads an image (H, W, 3) BGR by its path.
        record: of the run; with its calibrations, ``metrics.json`` has ``visibility`` (see ``visibility_numbers``) and
            ``uncertainty`` (see ``uncertainty_numbers``).
        intervals: of the numbers, which ``metrics.json`` then has as ``intervals`` (see ``interval_report``).

    Returns:
        The per-keypoint table in Markdown; empty without ``result``.
    """
    content: dict[str, Any] = {**numbers, **origin}
    ends = intervals or {}
    if intervals is not None:
        content["intervals"] = intervals
    table = ""
    if result is not None:
        rows = result.per_keypoint()
        content.update(
            instances=len(result.images),
            nme_norm=result.nme_norm[1],
            pck_norm="longer side of the box",
            sigmas_source=result.schema.sigmas_source,
            per_keypoint=rows,
            limits=limits_of(result),
        )
        record = record or RunRecord()
        if record.visibility is not None:
            content["visibility"] = visibility_numbers(result, record.visibility)
        else:
            logger.info(
                "no visibility in metrics.json: the checkpoint does not know it (the end of the training's log says "
                "why; --calibrate learns it for one that was not asked)"
            )
        kinds = result.per_category()
        if len(kinds) > 1:
            content["per_category"] = kinds
        table = per_keypoint_table(rows, ends.get("per_keypoint", ()))
        table += per_category_table(kinds, ends.get("per_category")) if len(kinds) > 1 else ""
        table += visibility_table(content["visibility"]) if record.visibility is not None else ""
        if record.uncertainty is not None:
            content["uncertainty"] = uncertainty_numbers(result, record.uncertainty)
            table += uncertainty_table(content["uncertainty"])
            plot_reliability(content["uncertainty"], out / RELIABILITY)
        words = "".join(f"- {sentence}\n" for sentence in limits_in_words(content["limits"]))
        replace_text(out / "per_keypoint.md", table + (f"\n{words}" if words else ""))
        best_and_worst(result, out / SHEET, image_of)
        plot_errors(result, out / ERRORS)
    replace_text(out / "metrics.json", json.dumps(finite(content), indent=2) + "\n")
    return table


def finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON lacks, by ``None``.

    Args:
        value: plain data; dicts and lists are searched.

    Returns:
        A copy without them.
    """
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
