"""From a head's outputs to places and scores, for a batch at once, as the codecs of MMPose and kpplugins do it.

Dimensions: N instances, K keypoints, [W, H] maps. Places are (N, K, 2) x, y in cells or bins; where the greatest value
of a map is not positive, MMPose's place is (-1, -1).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F

EPSILON = 1.1920929e-07
"""Added to the diagonal of UDP's Hessian: the float32 epsilon."""
UDP_LIMITS = (1e-3, 50.0)
DARK_LIMITS = (1e-10, 3e38)


def places_and_scores(outputs: Sequence[Tensor], way: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Read places and scores.

    Args:
        outputs: the head's: heatmaps (N, K, H, W); or bins (N, K, w) and (N, K, h); or coordinates (N, K, 2 or 4).
        way: from ``top_down_facts.decode_facts``.

    Returns:
        Places (N, K, 2), not yet converted by ``add``, ``divide`` and ``subtract``, and scores (N, K).
    """
    method = way["method"]
    if method == "coordinates":
        values = outputs[0]
        if values.shape[-1] == 2:
            return values, torch.ones_like(values[..., 0])
        return values[..., :2], (1 - values[..., 2:]).mean(dim=-1)
    if method in ("simcc", "simcc_dark"):
        return _from_bins(outputs, way)
    maps = outputs[0]
    if method == "mean":
        return _means(maps, way["threshold"]), maps.flatten(2).amax(dim=-1)
    x, y, scores = _peaks(maps)
    if method == "argmax":
        return torch.stack([x.to(maps.dtype), y.to(maps.dtype)], dim=-1), scores
    nowhere = scores <= 0
    x, y = x.masked_fill(nowhere, -1), y.masked_fill(nowhere, -1)
    step = {"dark_udp": _step_dark_udp, "dark": _step_dark, "quarter": _step_quarter}[method](maps, x, y, way)
    return torch.stack([x.to(maps.dtype), y.to(maps.dtype)], dim=-1) + step, scores


def _peaks(maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    flat = maps.flatten(2)
    index, width = flat.argmax(dim=-1), maps.shape[-1]
    return index % width, index // width, flat.amax(dim=-1)


def _log_blurred(values: Tensor, kernels: Sequence[int], limits: tuple[float, float]) -> Tensor:
    """Return the logarithm of blurred maps (N, K, H, W) with their maxima kept; kernels of the rows, then columns."""
    n, k, h, w = values.shape
    blurred = values.reshape(-1, 1, h, w)
    for kernel, shape in zip(kernels, ((1, -1), (-1, 1)), strict=False):
        weights = torch.from_numpy(cv2.getGaussianKernel(kernel, 0, cv2.CV_32F)).to(values)
        padding = (0, kernel // 2) if shape[0] == 1 else (kernel // 2, 0)
        blurred = F.conv2d(blurred, weights.reshape(1, 1, *shape), padding=padding)
    blurred = blurred.reshape(n, k, h, w)
    top, now = values.amax(dim=(2, 3), keepdim=True), blurred.amax(dim=(2, 3), keepdim=True)
    return torch.log(torch.clamp(blurred * (top / now), *limits))


def _around(padded: Tensor, index: Tensor) -> Any:
    """Return a function that reads the values (N, K) at an offset from an index into the flattened maps of a whole
    instance. As NumPy does for MMPose, an index before the first value counts from the end; one behind the last, which
    only places at an edge have, is of no effect."""
    flat = padded.flatten(1)
    total = flat.shape[1]

    def at(offset: int) -> Tensor:
        here = index + offset
        here = torch.where(here < 0, here + total, here)
        here = torch.where(here < total, here, here - total)
        return flat.gather(1, here.to(torch.int64))  # Core ML's converter makes floats of them

    return at


def _step_dark_udp(maps: Tensor, x: Tensor, y: Tensor, way: Mapping[str, Any]) -> Tensor:
    logs = F.pad(_log_blurred(maps, [way["blur_kernel"]] * 2, UDP_LIMITS), (1, 1, 1, 1), mode="replicate")
    k, h, w = logs.shape[1:]
    at = _around(logs, torch.arange(k, device=maps.device)[None] * (h * w) + (y + 1) * w + x + 1)
    centre, left, right, above, below = at(0), at(-1), at(1), at(-w), at(w)
    dx, dy = (right - left) / 2, (below - above) / 2
    dxx, dyy = right - 2 * centre + left + EPSILON, below - 2 * centre + above + EPSILON
    dxy = (at(w + 1) - right - below + centre + centre - left - above + at(-w - 1)) / 2
    return _newton(dx, dy, dxx, dxy, dyy)


def _step_dark(maps: Tensor, x: Tensor, y: Tensor, way: Mapping[str, Any]) -> Tensor:
    logs = _log_blurred(maps, [way["blur_kernel"]] * 2, DARK_LIMITS)
    k, h, w = logs.shape[1:]
    inner = (x > 1) & (x < w - 2) & (y > 1) & (y < h - 2)
    x, y = torch.where(inner, x, 2), torch.where(inner, y, 2)
    at = _around(logs, torch.arange(k, device=maps.device)[None] * (h * w) + y * w + x)
    dx, dy = (at(1) - at(-1)) / 2, (at(w) - at(-w)) / 2
    dxx, dyy = (at(2) - 2 * at(0) + at(-2)) / 4, (at(2 * w) - 2 * at(0) + at(-2 * w)) / 4
    dxy = (at(w + 1) - at(1 - w) - at(w - 1) + at(-w - 1)) / 4
    return _newton(dx, dy, dxx, dxy, dyy) * inner[..., None]


def _newton(dx: Tensor, dy: Tensor, dxx: Tensor, dxy: Tensor, dyy: Tensor) -> Tensor:
    """Return -H⁻¹ D, (N, K, 2); no step where H has no inverse."""
    determinant = dxx * dyy - dxy * dxy
    flat = determinant == 0
    divisor = torch.where(flat, torch.ones_like(determinant), determinant)
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], dim=-1) / divisor[..., None]
    return torch.where(flat[..., None], torch.zeros_like(step), step)


def _step_quarter(maps: Tensor, x: Tensor, y: Tensor, way: Mapping[str, Any]) -> Tensor:
    k, h, w = maps.shape[1:]
    across = (x > 1) & (x < w - 1) & (y > 0)
    down = (y > 1) & (y < h - 1) & (x > 0)
    x, y = torch.where(x > 0, x, 0), torch.where(y > 0, y, 0)
    at = _around(maps, torch.arange(k, device=maps.device)[None] * (h * w) + y * w + x)
    step = torch.stack([torch.sign(at(1) - at(-1)) * across, torch.sign(at(w) - at(-w)) * down], dim=-1)
    return step / 4


def _means(maps: Tensor, threshold: float) -> Tensor:
    kept = maps.clamp(min=0)
    top = kept.amax(dim=(2, 3), keepdim=True)
    kept = torch.where(kept < threshold * top, torch.zeros_like(kept), kept)
    kept = torch.where(top <= 0, torch.ones_like(kept), kept)
    total = kept.sum(dim=(2, 3))
    places = [
        (kept.sum(dim=across) * torch.arange(maps.shape[along], dtype=maps.dtype, device=maps.device)).sum(
            dim=-1
        )
        for across, along in ((2, 3), (3, 2))
    ]
    return torch.stack(places, dim=-1) / total[..., None]


def _from_bins(outputs: Sequence[Tensor], way: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    scores = torch.minimum(outputs[0].amax(dim=-1), outputs[1].amax(dim=-1))
    places = []
    for i, bins in enumerate(outputs):
        index = bins.argmax(dim=-1).masked_fill(scores <= 0, -1)
        place = index.to(bins.dtype)
        if way["method"] == "simcc_dark":
            place = place + _step_in_bins(bins, index, way["blur_kernel"][i])
        places.append(place)
    return torch.stack(places, dim=-1), scores


def _step_in_bins(bins: Tensor, index: Tensor, kernel: int) -> Tensor:
    logs = F.pad(_log_blurred(bins[:, :, None], [kernel], UDP_LIMITS), (2, 2, 0, 0), mode="replicate")[
        :, :, 0
    ]
    total = logs.shape[-1]
    first, last2, centre, next1, next2 = (
        logs.gather(-1, torch.where(here < 0, here + total, here)[..., None])[..., 0]
        for here in (index + 1, index, index + 2, index + 3, index + 4)
    )
    return -((next1 - first) / 2) / (1e-9 + (next2 - 2 * centre + last2) / 4)
