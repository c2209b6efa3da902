"""From CenterNet's six maps to boxes and points. Pure functions; torch only.

Dimensions: B images, C classes, K keypoints, M detections, P peaks a keypoint, [W, H] maps of cells. Maps, by their
authors' names (Zhou et al. 2019, arXiv 1904.07850): ``hm`` (B, C, H, W) and ``hm_hp`` (B, K, H, W) probabilities of
centres and keypoints; ``wh`` (B, 2, H, W) box sizes; ``hps`` (B, 2K, H, W) keypoints x0, y0, x1, … seen from the
centre's cell; ``reg`` and ``hp_offset`` (B, 2, H, W) offsets within the cell. All lengths in cells; cell coordinates as
in ``centernet_maps``.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def local_peaks(probabilities: Tensor) -> Tensor:
    """Maps (B, C, H, W) with 0 wherever one of the eight neighbours is higher; equal neighbours all stay."""
    padded = F.pad(probabilities, (1, 1, 1, 1), value=-torch.inf)
    # the maximum over 3×3 by axis: on the CPU 20 to 30 times faster than max_pool2d
    rows = torch.maximum(torch.maximum(padded[..., :-2, :], padded[..., 1:-1, :]), padded[..., 2:, :])
    highest = torch.maximum(torch.maximum(rows[..., :-2], rows[..., 1:-1]), rows[..., 2:])
    return probabilities * (highest == probabilities)


def decode_maps(
    maps: Mapping[str, Tensor],
    top_k: int = 100,
    snap_score: float = 0.1,
    snap_distance: float = 0.3,
    snap_margin: float = 0.1,
) -> dict[str, Tensor]:
    """The ``top_k`` highest centres of each image over all classes, each with its box and points; no NMS.

    A point is first where the centre's ``hps`` says. The nearest peak of its keypoint heatmap, among those high enough,
    takes its place, moved by ``hp_offset``, if it is near enough and inside the box. (The box is grown, which the
    authors do not do: points that a tight box touches would else be outside every other time. The nearest counts, not
    the nearest inside: a point beyond the box would else be drawn to another instance's.)

    Args:
        maps: the six, of one float type.
        top_k: M, and the most peaks of a keypoint that are looked at; less where the maps are smaller.
        snap_score: probability that a keypoint's peak must exceed.
        snap_distance: how far it may be, as a fraction of the box's longer side.
        snap_margin: by how much the box is grown for it, as a fraction of its width and height on each side.

    Returns:
        ``boxes`` (B, M, 4) xyxy and ``points`` (B, M, K, 2) in cell coordinates, ``scores`` (B, M) in falling order,
        ``labels`` (B, M), 0-based, ``point_scores`` (B, M, K): the heatmap's probability at the peak, or at the cell
        of the point where it has none.
    """
    width = maps["hm"].shape[-1]
    scores, labels, index = _highest_centres(local_peaks(maps["hm"]), top_k)
    cells = _cells(index, width)
    centres = cells + _gather(maps["reg"], index)
    half = _gather(maps["wh"], index) / 2
    boxes = torch.cat([centres - half, centres + half], dim=-1)
    points = cells[:, :, None] + _gather(maps["hps"], index).unflatten(-1, (-1, 2))
    points, point_scores = _snapped(points, boxes, maps, top_k, snap_score, snap_distance, snap_margin)
    return dict(boxes=boxes, scores=scores, labels=labels, points=points, point_scores=point_scores)


def mirrored_back(
    maps: Mapping[str, Tensor], flip_indices: Sequence[int], stride: float
) -> dict[str, Tensor]:
    """The maps of the mirrored image as maps of the plain one: ``hm``, ``wh``, ``hps`` and ``hm_hp``.

    Pixel x of an image w wide becomes w - 1 - x, so that cell i of W becomes W - 1 - i, and a horizontal distance d
    from a cell becomes (1 - 1/stride) - d. (The authors' code takes -d, which is 3 input pixels off at stride 4.)

    Args:
        maps: of the mirrored image.
        flip_indices: (K,) which keypoint each one is in the mirror.
        stride: input pixels a cell.
    """
    partners = torch.as_tensor(flip_indices, device=maps["hps"].device)
    back = {name: maps[name].flip(-1) for name in ("hm", "wh")}
    vectors = maps["hps"].flip(-1).unflatten(1, (-1, 2))[:, partners]
    x, y = vectors.unbind(dim=2)
    back["hps"] = torch.stack([(1 - 1 / stride) - x, y], dim=2).flatten(1, 2)
    back["hm_hp"] = maps["hm_hp"].flip(-1)[:, partners]
    return back


def _highest_centres(peaks: Tensor, top_k: int) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, classes and places in the flattened map, (B, M) each."""
    flat, size = peaks.flatten(1), peaks.shape[-1] * peaks.shape[-2]
    scores, place = flat.topk(min(top_k, flat.shape[1]), dim=1)
    return scores, place // size, place % size


def _cells(index: Tensor, width: int) -> Tensor:
    """Places in the flattened map (...) to cells (..., 2), x and y, as float32."""
    return torch.stack([index % width, index // width], dim=-1).float()


def _gather(values: Tensor, index: Tensor) -> Tensor:
    """(B, D, H, W) at places (B, M) of the flattened map: (B, M, D)."""
    return values.flatten(2).gather(2, index[:, None].expand(-1, values.shape[1], -1)).transpose(1, 2)


def _snapped(
    points: Tensor,
    boxes: Tensor,
    maps: Mapping[str, Tensor],
    top_k: int,
    snap_score: float,
    snap_distance: float,
    snap_margin: float,
) -> tuple[Tensor, Tensor]:
    """Points (B, M, K, 2) moved to peaks, and their scores (B, M, K)."""
    heatmaps = maps["hm_hp"]
    width, height = heatmaps.shape[-1], heatmaps.shape[-2]
    peaks = local_peaks(heatmaps).flatten(2)
    heights, index = peaks.topk(min(top_k, peaks.shape[-1]), dim=-1)  # (B, K, P), falling
    used = int((heights > snap_score).sum(dim=-1).max()) if heights.numel() else 0
    cell = points.floor().long()
    own = cell[..., 1].clamp(0, height - 1) * width + cell[..., 0].clamp(0, width - 1)
    own_scores = heatmaps.flatten(2).gather(2, own.transpose(1, 2)).transpose(1, 2)
    if used == 0:
        return points, own_scores
    heights, index = heights[..., :used], index[..., :used]
    offsets = _gather(maps["hp_offset"], index.flatten(1)).unflatten(1, index.shape[1:])
    at = _cells(index, width) + offsets  # (B, K, P, 2)
    at = at.masked_fill((heights <= snap_score)[..., None], torch.inf)
    seen = points.transpose(1, 2)  # (B, K, M, 2)
    # without matrix products, which lose what is small beside the coordinates
    apart, nearest = torch.cdist(seen, at, compute_mode="donot_use_mm_for_euclid_dist").min(
        dim=-1
    )  # (B, K, M)
    at = at.gather(2, nearest[..., None].expand(-1, -1, -1, 2))
    low, high = boxes[:, None, :, :2], boxes[:, None, :, 2:]
    side = (high - low).clamp(min=0)
    inside = ((at >= low - snap_margin * side) & (at <= high + snap_margin * side)).all(dim=-1)
    snaps = inside & (apart <= snap_distance * side.amax(dim=-1))
    found = torch.where(snaps[..., None], at, seen).transpose(1, 2)
    found_scores = torch.where(snaps, heights.gather(2, nearest), own_scores.transpose(1, 2)).transpose(1, 2)
    return found, found_scores
