"""OKS sigmas from instances that were annotated more than once.

COCO (cocodataset.org, keypoint evaluation) defines, for keypoint i, ``σ_i² = E[d_i² / s²]``: d is the Euclidean
distance of an annotation from the true position, s² the instance's area. Here, too, d includes both coordinates, so
annotations that scatter by τ·s along each axis have σ = √2·τ.

The true position is unknown. For m annotations ``x_1 … x_m`` of one keypoint with true position t and mean x̄,
``Σ|x_j - x̄|² = Σ|x_j - t|² - m·|x̄ - t|²``. If the errors are independent and centred, the last term is ``E[d²]`` on
average, so ``E[Σ|x_j - x̄|²] = (m - 1)·E[d²]``. Hence the estimate over all instances with m ≥ 2:

    σ² = Σ_instances (Σ_j |x_j - x̄|² / s²) / Σ_instances (m - 1)

The denominator counts repeats. The relative error of σ is about ``1 / (2·√repeats)``: 9 % with 30. An error that all
annotators share is not detected.
"""

from dataclasses import replace

import numpy as np

from kpplugins.schema.keypoint_schema import KeypointSchema
from kpplugins.structures.errors import BadInputError

MIN_REPEATS = 30
"""Fewer repeats of a keypoint give no estimate; the module docstring states the precision this gives."""


def measured_sigmas(annotations: np.ndarray, area: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the sigmas of K keypoints from N instances, each annotated up to M times.

    Args:
        annotations: (N, M, K, 3): x, y in pixels and visibility; 0 is absent, and pads instances with fewer than M
            annotations.
        area: (N,) square pixels, the s² of OKS.

    Returns:
        Sigmas (K,), NaN for fewer than ``MIN_REPEATS`` repeats or if all repeats are equal; and the number of
        repeats (K,): annotations beyond the first of each instance.

    Raises:
        BadInputError: arrays of the wrong shape, or an area that is not positive.
    """
    if annotations.ndim != 4 or annotations.shape[3] != 3 or area.shape != annotations.shape[:1]:
        raise BadInputError(
            "repeated annotations have the wrong shape", expected="(N, M, K, 3) and areas (N,)",
            found=f"{annotations.shape} and {area.shape}",
        )  # fmt: skip
    if not (area > 0).all():
        raise BadInputError("areas must be positive", where="area", found=str(area[~(area > 0)][0]))
    there = annotations[..., 2] > 0
    times = there.sum(axis=1)  # (N, K)
    places = np.where(there[..., None], annotations[..., :2], 0.0)
    mean = places.sum(axis=1) / np.maximum(times, 1)[..., None]
    square = np.where(there, ((places - mean[:, None]) ** 2).sum(axis=-1), 0.0).sum(axis=1)  # (N, K)
    repeats = np.maximum(times - 1, 0).sum(axis=0)
    variance = (square / area[:, None]).sum(axis=0) / np.maximum(repeats, 1)
    return np.where((repeats >= MIN_REPEATS) & (variance > 0), np.sqrt(variance), np.nan), repeats


def with_measured_sigmas(
    schema: KeypointSchema, annotations: np.ndarray, area: np.ndarray
) -> tuple[KeypointSchema, list[str]]:
    """Replace the sigmas of a schema by measured ones where there are enough repeats.

    Args:
        schema: of the K keypoints; a keypoint that cannot be measured keeps its sigma.
        annotations: (N, M, K, 3), see ``measured_sigmas``.
        area: (N,) square pixels.

    Returns:
        The schema, unchanged if nothing could be measured, and warnings about what was not measured.

    Raises:
        BadInputError: see ``measured_sigmas``.
    """
    sigmas, repeats = measured_sigmas(annotations, area)
    known = ~np.isnan(sigmas)
    kept = [
        f"{name} {schema.sigmas[k]:g} ({repeats[k]} repeats{'' if repeats[k] < MIN_REPEATS else ', all equal'})"
        for k, name in enumerate(schema.keypoints)
        if not known[k]
    ]
    if not known.any():
        if not repeats.any():
            return schema, []
        return schema, [
            f"sigmas not measured: at most {repeats.max()} repeats of a keypoint, {MIN_REPEATS} are needed"
            if repeats.max() < MIN_REPEATS
            else "sigmas not measured: the repeated annotations are copies of one another"
        ]
    count = int((annotations[..., 2] > 0).any(axis=2).sum())
    source = f"measured from {count} repeated annotations of {len(annotations)} instances"
    warnings = []
    if kept:
        source += f"; not measured: {', '.join(n for k, n in enumerate(schema.keypoints) if not known[k])}"
        warnings = [f"sigmas kept ({MIN_REPEATS} repeats are needed): {', '.join(kept)}"]
    values = tuple(
        round(float(s), 4) if ok else old for s, ok, old in zip(sigmas, known, schema.sigmas, strict=True)
    )
    return replace(schema, sigmas=tuple(max(v, 1e-4) for v in values), sigmas_source=source), warnings
