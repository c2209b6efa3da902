"""How far an exported model is from the trained one: in pixels of the image, and in the run's metric."""

import logging
import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger

from kpplugins.apis.exporting.samples import Sample, Samples
from kpplugins.deploy.targets.export_target import FP32
from kpplugins.structures import BadInputError

TOLERANCE = 0.1
"""Largest accepted distance of a keypoint in float32, in pixels of the image."""
MOST_LOST = 0.01
"""Largest accepted loss of AP of a lower precision: one point."""
METRICS = ("AP", "box/AP")
"""The first of these that a run's metric gives is judged."""


class Proof(Protocol):
    """What is compared of models of one kind; see ``TopDownProof``."""

    of: str

    def inputs(self, sample: Sample) -> dict[str, np.ndarray]: ...  # noqa: D102

    def expected(self, sample: Sample) -> dict[str, np.ndarray]: ...  # noqa: D102

    def distances(  # noqa: D102
        self, expected: Mapping[str, np.ndarray], actual: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]: ...

    def steady(  # noqa: D102
        self, sample: Sample, actual: Mapping[str, np.ndarray], tolerance: float
    ) -> np.ndarray: ...

    def predicted(self, truth: Any, outputs: Mapping[str, np.ndarray]) -> Any: ...  # noqa: D102


def prove(proof: Proof, runtime: Any, samples: Samples, config: Config) -> dict[str, Any]:
    """Run both models on the same images and compare them, without judging the result.

    Args:
        proof: what is compared.
        runtime: runs the exported model (see ``deploy.runtimes``).
        samples: the images.
        config: of the run, for its metric.

    Returns:
        The content of ``parity.json``: ``images`` in words; ``keypoints``: ``of`` what, how many were ``compared``,
        ``max_px``,
        ``p99_9_px``, how many were ``unsteady`` and left out (see ``TopDownProof.steady``) and ``tolerance_px``;
        ``scores``: ``max_difference``; ``metrics``: all numbers of both, ``trained`` and ``exported``, if there are
        labels.
    """
    away, scores, left_out, pairs = [], [], 0, []
    for sample in samples.read():
        expected, actual = proof.expected(sample), runtime.run(proof.inputs(sample))
        apart, differences = proof.distances(expected, actual)
        if not (apart <= TOLERANCE).all():
            fine = proof.steady(sample, actual, TOLERANCE) | (apart <= TOLERANCE)
            left_out += int((~fine).sum())
            apart = apart[fine]
        away.append(apart)
        scores.append(differences)
        if sample.truth is not None:
            pairs.append([proof.predicted(sample.truth, outputs) for outputs in (expected, actual)])
    together = np.concatenate(away)
    report: dict[str, Any] = {
        "images": samples.words,
        "keypoints": {
            "of": proof.of,
            "compared": len(together),
            "unsteady": left_out,
            "max_px": float(together.max(initial=0.0)),
            "p99_9_px": float(np.percentile(together, 99.9)) if len(together) else 0.0,
            "tolerance_px": TOLERANCE,
        },
        "scores": {"max_difference": float(np.concatenate(scores).max(initial=0.0))},
        "metrics": None,
    }
    if pairs and config.get("test_evaluator"):
        measured = [_measured(config, samples.dataset, [pair[i] for pair in pairs]) for i in (0, 1)]
        report["metrics"] = {"trained": measured[0], "exported": measured[1]}
    return report


def _measured(config: Config, dataset: Any, predictions: list[Any]) -> dict[str, float]:
    evaluator = Evaluator(config.get("val_evaluator") or config.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    evaluator.process(data_samples=predictions, data_batch=None)
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)  # the tables of the metric would be printed twice
    try:
        return {key: float(value) for key, value in evaluator.evaluate(len(predictions)).items()}
    finally:
        logger.setLevel(level)


def lost_ap(report: Mapping[str, Any]) -> float | None:
    """Return how much AP the exported model lost.

    Args:
        report: from ``prove``.

    Returns:
        AP of the trained model less that of the exported one, between 0 and 1; ``None`` where it was not measured.
    """
    metrics, name = report["metrics"] or {}, _metric_of(report)
    found = [metrics.get(which, {}).get(name, math.nan) for which in ("trained", "exported")]
    return None if any(map(math.isnan, found)) else found[0] - found[1]


def _metric_of(report: Mapping[str, Any]) -> str:
    """Return the name of the metric that is judged."""
    known = (report["metrics"] or {}).get("trained", {})
    return next((name for name in METRICS if name in known), METRICS[0])


def require_parity(report: Mapping[str, Any], precision: str, accept_loss: bool, where: str) -> None:
    """Stop where an exported model is too far from the trained one.

    Args:
        report: from ``prove``.
        precision: of the network.
        accept_loss: keep a lower precision whatever it loses.
        where: for the message.

    Raises:
        BadInputError: in float32 a keypoint is off by more than ``TOLERANCE``, or the precision costs more than
            ``MOST_LOST`` of AP, or that was not measured.
    """
    points, scores, metric = report["keypoints"], report["scores"]["max_difference"], _metric_of(report)
    # written the other way round, NaN would pass
    if precision == FP32 and not (points["max_px"] <= TOLERANCE and math.isfinite(scores)):
        raise BadInputError(
            "the exported model and the trained one disagree; nothing was written", where=where,
            expected=f"{points['of']} within {TOLERANCE:g} px on {report['images']}",
            found=f"{points['max_px']:.2g} px, scores {scores:.2g}",
            todo="check that the checkpoint's own outputs are finite, or try other versions of the packages",
        )  # fmt: skip
    if precision == FP32 or accept_loss:
        return
    lost = lost_ap(report)
    if lost is None:
        raise BadInputError(
            f"what {precision} costs was not measured; nothing was written", where=where,
            expected=f"labelled val images and a metric with {metric}", found=report["images"],
            todo="--data DIR, or --accept-loss",
        )  # fmt: skip
    if not lost <= MOST_LOST:
        raise BadInputError(
            f"{precision} costs too much; nothing was written", where=where,
            expected=f"at most {100 * MOST_LOST:g} point of {metric}",
            found=f"{100 * lost:.1f} points: {metric} {100 * report['metrics']['trained'][metric]:.1f} became "
            f"{100 * report['metrics']['exported'][metric]:.1f} on {report['images']}",
            todo="calibrate with more images like those of the val split, use --fp16, or --accept-loss",
        )  # fmt: skip


def proof_lines(report: Mapping[str, Any]) -> list[str]:
    """Say in words what was measured.

    Args:
        report: the content of ``parity.json``.

    Returns:
        Lines.
    """
    points, metrics, metric = report["keypoints"], report["metrics"], _metric_of(report)
    if points is None:
        return [
            "NOT compared with the trained model: this format does not run here; inputs and outputs are as planned"
        ]
    unsteady = f"; {points['unsteady']} left out, as rounding moves them" if points["unsteady"] else ""
    lines = [
        f"compared on {report['images']}",
        f"{points['of']}: {points['compared']} compared, at most {points['max_px']:.2g} px apart, 99.9 % within "
        f"{points['p99_9_px']:.2g} px{unsteady}",
    ]
    lost = lost_ap(report) if metrics else None
    if lost is not None:
        lines.append(
            f"{metric}: {100 * metrics['trained'][metric]:.2f} trained, {100 * metrics['exported'][metric]:.2f} "
            f"exported, {0.0 - round(100 * lost, 2):+.2f} points"
        )
    elif metrics:
        key = next(iter(metrics["trained"]))
        lines.append(f"{key}: {metrics['trained'][key]:.4g} trained, {metrics['exported'][key]:.4g} exported")
    if "detector" in report:
        lines += [f"detector: {line}" for line in proof_lines(report["detector"])]
    return lines
