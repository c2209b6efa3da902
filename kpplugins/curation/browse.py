"""Draw contact sheets: images with their annotations, and the label maps next to them."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kpplugins.codecs.circle_maps import draw_circles, pixels_of
from kpplugins.curation.stats import opened, splits_of
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import images_of
from kpplugins.data.images import SHOWN, read_image, write_image
from kpplugins.data.splits import SPLITS, take_split
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.visualization.draw import draw_points
from kpplugins.visualization.grid import grid

TILE = 320
"""Side of a tile in pixels."""
PAGE = 24
"""Images on one sheet."""
MASK_SIDE = 128
"""Side in pixels of the image that label maps belong to."""

_CAPTION = 20
_OWN_PAGE = re.compile(r"browse_\d{3,}\.jpg")


def browse(
    source: Path,
    *,
    out: Path,
    split: str = "train",
    num: int | None = 5,
    columns: int | None = None,
    seed: int | None = 0,
    masks: bool = True,
    from_format: str | None = None,
    **options: Any,
) -> tuple[list[Path], dict[str, int]]:
    """Draw images of a split with boxes, keypoints and skeletons, and their label maps beside them.

    Args:
        source: a converted folder, or a file or folder of any known format.
        out: folder for ``browse_001.jpg`` …; sheets of an earlier call are replaced.
        split: ``train``, ``val``, ``test`` or ``all``.
        num: how many images; ``None`` takes all. Up to 24 are on one sheet.
        columns: images side by side; ``None`` takes 2 with masks and 4 without.
        seed: of the random choice of images; ``None`` takes the first ones.
        masks: draw ``label_maps`` beside each image, in the keypoints' colours.
        from_format: the format's name; ``None`` detects it.
        **options: of ``open_source``, e.g. ``skip_bad``, ``names``.

    Returns:
        The sheets, and the number of images by split. CAT, which is not divided itself, is divided 60:20:20 in
        sorted order as ``CatDataset`` does; any other source without a division is one split called ``all``, also
        available as ``train``.

    Raises:
        BadInputError: see ``open_source``; an unknown or empty split, a number below 1, or an image that cannot be
            read.
    """
    for name, value in (("num", num), ("columns", columns)):
        if value is not None and value < 1:
            raise BadInputError(f"wrong {name}", where=f"--{name}", expected="at least 1", found=str(value))
    if split not in (*SPLITS, "all"):
        raise BadInputError(
            "unknown split", where="--split", expected="train, val, test or all", found=repr(split)
        )
    with opened(source, from_format, **options) as (known, reading):
        divided = _cat_splits(reading) if known.name == "cat" else splits_of(reading)
        chosen = _choose(divided, split, num, seed, str(source))
        return _write_sheets(reading, chosen, out, columns or (2 if masks else 4), masks), _sizes(divided)


def label_maps(points: np.ndarray, labelled: np.ndarray, width: int, height: int) -> np.ndarray:
    """Draw one map per keypoint of the image scaled to 128 × 128: a blurred ring of radius 2 and thickness 2.

    Args:
        points: (N, K, 2) pixels (x, y) of N instances in the original image.
        labelled: (N, K) boolean.
        width: of the image, in pixels.
        height: of the image, in pixels.

    Returns:
        (K, 128, 128) float32, 0 to 1, after a 5 × 5 Gaussian filter.
    """
    scale = np.array([MASK_SIDE / width, MASK_SIDE / height])
    return draw_circles(pixels_of((points + 0.5) * scale - 0.5), labelled, (MASK_SIDE, MASK_SIDE))


def _cat_splits(reading: AnnotationSet) -> dict[Path, str]:
    paths = [r.image for r in reading.records]
    bounds = {s: take_split(paths, s) for s in SPLITS if len(paths) >= 5}
    return {path: s for s, some in bounds.items() for path in some} or splits_of(reading)


def _sizes(divided: dict[Path, str]) -> dict[str, int]:
    counts = Counter(divided.values())
    return {s: counts[s] for s in (("all",) if set(counts) == {"all"} else SPLITS)}


def _choose(
    divided: dict[Path, str], split: str, num: int | None, seed: int | None, where: str
) -> list[Path]:
    """Choose the images to draw, in the order of the source."""
    sizes = _sizes(divided)
    whole = split == "all" or ("all" in sizes and split == "train")
    there = [path for path, s in divided.items() if whole or s == split]
    if not there:
        raise BadInputError(
            f"the {split} split has no images", where=where,
            found=", ".join(f"{s}: {n}" for s, n in sizes.items()), todo="choose another --split",
        )  # fmt: skip
    count = len(there) if num is None else min(num, len(there))
    if seed is None:
        return there[:count]
    return [there[i] for i in sorted(np.random.default_rng(seed).permutation(len(there))[:count])]


def _write_sheets(
    reading: AnnotationSet, chosen: Sequence[Path], out: Path, columns: int, masks: bool
) -> list[Path]:
    records: dict[Path, list[PoseRecord]] = {path: [] for path in chosen}
    for record in reading.records:
        if record.image in records:
            records[record.image].append(record)
    sizes = {p.path: (p.width, p.height) for p in images_of(reading)}
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        if _OWN_PAGE.fullmatch(old.name):
            old.unlink()
    sheets: list[Path] = []
    for first in range(0, len(chosen), PAGE):
        some = chosen[first : first + PAGE]
        tiles = [_tile(path, records[path], sizes[path], reading.schema, masks) for path in some]
        sheets.append(out / f"browse_{len(sheets) + 1:03d}.jpg")
        write_image(sheets[-1], grid(tiles, min(columns, len(chosen))), [cv2.IMWRITE_JPEG_QUALITY, 92])
    return sheets


def _tile(
    path: Path, records: Sequence[PoseRecord], size: tuple[int, int], schema: KeypointSchema, masks: bool
) -> np.ndarray:
    """Draw one image with its caption, and its label maps as one colour image."""
    image = read_image(path, SHOWN)
    people = [r for r in records if not r.crowd]
    parts = [_drawn(image, records, schema)]
    if masks:
        keypoints = np.array([r.keypoints for r in people]).reshape(-1, schema.num_keypoints, 3)
        maps = label_maps(keypoints[..., :2], keypoints[..., 2] > 0, *size)
        colors = np.array(schema.colors, np.float32)[:, ::-1]
        mixed = (maps[..., None] * colors[:, None, None]).max(axis=0).astype(np.uint8)
        parts.append(cv2.resize(mixed, (TILE, TILE), interpolation=cv2.INTER_NEAREST))
        cv2.rectangle(parts[-1], (0, 0), (TILE - 1, TILE - 1), (90, 90, 90), 1)
    points = sum(r.num_labelled for r in people)
    text = f"{path.name[-24:]}  {size[0]}x{size[1]}  {len(records)} inst., {points} points"
    strip = np.zeros((_CAPTION, TILE * len(parts), 3), np.uint8)
    for i, words in enumerate([text, f"label maps, {MASK_SIDE}x{MASK_SIDE}"][: len(parts)]):
        cv2.putText(
            strip, words.encode("ascii", "replace").decode(), (TILE * i + 4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.38,
            (255, 255, 255), 1, cv2.LINE_AA,
        )  # fmt: skip
    return cv2.copyMakeBorder(
        np.vstack([strip, np.hstack(parts)]), 0, 4, 0, 4, cv2.BORDER_CONSTANT, value=(0, 0, 0)
    )


def _drawn(image: np.ndarray, records: Sequence[PoseRecord], schema: KeypointSchema) -> np.ndarray:
    """Draw an image, fitted into a tile, with boxes (crowds in red), skeletons and keypoints (rings: occluded)."""
    height, width = image.shape[:2]
    scale = TILE / max(height, width)
    shape = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    for record in records:
        x1, y1, x2, y2 = (round(float(v)) for v in record.bbox * scale)
        color = (0, 0, 255) if record.crowd else (200, 200, 200)
        cv2.rectangle(small, (x1, y1), (x2, y2), color, 1, cv2.LINE_AA)
        if not record.crowd:
            v = record.keypoints[:, 2]
            points = (record.keypoints[:, :2] + 0.5) * scale - 0.5
            draw_points(small, points, schema, v == 2, 1, shown=v > 0)
    top, left = (TILE - shape[1]) // 2, (TILE - shape[0]) // 2
    canvas = np.full((TILE, TILE, 3), 40, np.uint8)
    canvas[top : top + shape[1], left : left + shape[0]] = small
    return canvas
