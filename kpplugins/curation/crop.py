"""Crop every labelled instance into its own image, for training on single instances."""

import csv
import logging
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kpplugins.curation.convert import assign_splits, loss_report
from kpplugins.curation.flips import FlipPairs, settle_flips
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import ORIGINS_FILE, AnnotationSet
from kpplugins.data.aside import beside, made_aside
from kpplugins.data.coco.writer import Progress, images_of, write_coco
from kpplugins.data.faults import settle_faults
from kpplugins.data.images import SHOWN, read_image, read_pixels, write_image
from kpplugins.data.parsing.cells import as_cell
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.open_source import open_source
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError
from kpplugins.structures.geometry import inside_image
from kpplugins.visualization.draw import draw_points
from kpplugins.visualization.grid import grid

logger = logging.getLogger(__name__)
SHEET_FILE = "verification.jpg"
_TILE, _CAPTION, _COLUMNS, _TILES = 240, 20, 6, 24
"""Side of a tile of the sheet in pixels, height of its caption, tiles per row, and tiles in total."""


def crop(
    source: Path,
    out: Path,
    *,
    margin: float = 0.125,
    square: bool = False,
    keep_points: bool = True,
    min_keypoints: int = 1,
    min_side: float = 32,
    quality: int | None = 95,
    from_format: str | None = None,
    ratios: Sequence[float] | None = None,
    seed: int = 0,
    group_by: str | None = None,
    skip_bad: bool = False,
    flip_pairs: FlipPairs = None,
    accept_flip_pairs: bool = False,
    progress: Progress | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Cut every labelled instance out of its image, into a folder in the inner format.

    ``out/images`` gets one image per instance, at the original resolution, named ``STEM_NUMBER.jpg`` after its
    image and its position among the image's annotations (left-out ones count). Coordinates are moved by whole pixels,
    so a keypoint of a crop is on the same pixel as in the image. ``out/crops.csv`` tells where each crop came from;
    ``out/verification.jpg`` shows some of them with their boxes and keypoints (rings are occluded keypoints).

    Left out, and counted in the report: crowds, instances with too few labelled keypoints, boxes that are too small,
    and images in which nothing else remains.

    Args:
        source: file or folder in any known format.
        out: the folder to make; it must not exist, or be empty.
        margin: growth of the box on each side, as a fraction of its longer side. Default: 0.125, which is what
            top-down models see along the longer side (MMPose grows boxes to 1.25 of their size).
        square: cut out the square around the box, so that a model with a square input sees the same as in the whole
            image; otherwise it sees black beside a tall, thin box.
        keep_points: widen a crop to labelled keypoints outside it (COCO's boxes end where a person is hidden, its
            keypoints do not), so that nothing is lost and scores stay those of the whole images; otherwise these
            keypoints become unlabelled. Both are counted.
        min_keypoints: least number of labelled keypoints.
        min_side: least length of the box's longer side, in pixels.
        quality: of the JPEGs (1-100), with colours at full resolution; at the default of 95, each of COCO's 150,000
            persons takes 36 kB, a third of a PNG. ``None`` writes PNGs, which lose nothing.
        from_format: the format's name; ``None`` detects it.
        ratios: see ``convert``.
        seed: of the shuffle before dividing, and of the random choice for the sheet.
        group_by: see ``convert``; crops of one image are in one split in any case.
        skip_bad: skip bad entries and log how many and why.
        flip_pairs, accept_flip_pairs: see ``convert``.
        progress: called with (source images done, of all).
        **options: further arguments of the format's reader.

    Returns:
        The report, also written to ``out/report.json``: that of ``convert`` for the crops, and ``source images``,
        ``source instances``, ``left out`` (counts by reason), ``margin``, ``square``, ``keep_points``.

    Raises:
        BadInputError: see the reader and the writer; an argument out of its range; a box outside its image or an
            image that cannot be decoded (unless ``skip_bad``); or no instance remains.
    """
    rules = _Rules(margin, square, keep_points, min_keypoints, min_side, quality)
    with made_aside(out) as made, beside(out) as aside:
        known, reading = open_source(
            source, from_format=from_format, extract_to=aside / "extracted", skip_bad=skip_bad, **options
        )
        warnings = settle_flips(reading, flip_pairs, accept_flip_pairs)
        splits = assign_splits(reading, ratios, seed, group_by, source)
        work = _Work(reading, rules, aside / "crops")
        work.run(progress)
        settle_faults(work.faults, skip_bad)
        cut = work.result(source)
        split_of = {file: splits[origin.image] for file, origin in work.origins.items()}
        report = loss_report(cut, known.name, source) | {
            "source images": len(images_of(reading)), "source instances": len(reading.records),
            "left out": dict(work.left_out), "split": dict(Counter(split_of.values())),
            "warnings": warnings, "margin": margin, "square": square, "keep_points": keep_points,
        }  # fmt: skip
        place = "hardlink" if _can_link(aside) else "copy"
        write_coco(cut, made, split_of, place=place, report=report)
        work.write_origins(made / ORIGINS_FILE)
        _draw_sheet(cut, made / SHEET_FILE, seed)
    return report


@dataclass(frozen=True)
class _Rules:
    """The arguments of ``crop`` that determine what is cut out and how; checked on creation."""

    margin: float
    square: bool
    keep_points: bool
    min_keypoints: int
    min_side: float
    quality: int | None

    def __post_init__(self) -> None:
        ranges = {
            "margin": (0 <= self.margin < 100, "a number from 0, a fraction of the box"),
            "min_keypoints": (self.min_keypoints >= 1, "1 or more"),
            "min_side": (self.min_side >= 0, "0 or more pixels"),
            "quality": (self.quality is None or 1 <= self.quality <= 100, "1 to 100, or None for PNG"),
        }
        for name, (good, expected) in ranges.items():
            if not good:
                raise BadInputError(
                    "out of range", where=name, expected=expected, found=repr(getattr(self, name))
                )

    def reason_against(self, record: PoseRecord) -> str | None:
        """Return why an instance is left out, in words; ``None`` if it is cut out."""
        sides = record.bbox[2:] - record.bbox[:2]
        if record.crowd:
            return "crowd"
        if record.num_labelled == 0:
            return "no keypoint labelled"
        if record.num_labelled < self.min_keypoints:
            return f"fewer than {self.min_keypoints} keypoints labelled"
        return f"box smaller than {self.min_side:g} pixels" if sides.max() < self.min_side else None

    def region(self, record: PoseRecord) -> "_Region":
        """Return the region that is cut out for an instance."""
        longer = float((record.bbox[2:] - record.bbox[:2]).max())
        low, high = record.bbox[:2], record.bbox[2:]
        limit = np.array([record.width - 1, record.height - 1])
        if self.square:
            centre = (low + high) / 2
            low, high = centre - longer / 2, centre + longer / 2
        low, high = low - self.margin * longer, high + self.margin * longer
        return _Region.around(low, high, limit)

    @property
    def suffix(self) -> str:
        """Return the suffix of the crops' files."""
        return ".png" if self.quality is None else ".jpg"

    def save(self, path: Path, pixels: np.ndarray) -> None:
        """Write one crop (h, w, 3) BGR, at the depth of its image."""
        if pixels.dtype != np.uint8 and (pixels.dtype != np.uint16 or self.suffix != ".png"):
            raise BadInputError(
                f"{self.suffix} cannot hold the pixels", where=str(path), expected="8 bits, or 16 with PNG",
                found=str(pixels.dtype), todo="give --png, or convert the images to 8 bits first",
            )  # fmt: skip
        full_colour = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
        jpeg = [] if self.quality is None else [cv2.IMWRITE_JPEG_QUALITY, int(self.quality), *full_colour]
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(path), pixels, jpeg):
            raise OSError(f"cannot write {path}")


@dataclass(frozen=True)
class _Region:
    """Whole pixels of an image, from ``left`` and ``top`` to before ``right`` and ``bottom``."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, low: np.ndarray, high: np.ndarray, limit: np.ndarray) -> "_Region":
        """Return the pixels from ``low`` to ``high``, each (x, y), in an image whose last pixel is ``limit``."""
        left, top = np.clip(np.floor(low), 0, limit).astype(int).tolist()
        right, bottom = (np.clip(np.ceil(high), 0, limit).astype(int) + 1).tolist()
        return cls(left, top, right, bottom)

    def widened(self, points: np.ndarray) -> "_Region":
        """Return the region enlarged to all of ``points`` (N, 2), which are inside the image."""
        (left, top), (right, bottom) = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0)) + 1
        return _Region(
            min(self.left, int(left)),
            min(self.top, int(top)),
            max(self.right, int(right)),
            max(self.bottom, int(bottom)),
        )

    def move(self, record: PoseRecord, file: Path) -> PoseRecord:
        """Return the record in the coordinates of the crop ``file``; its box stays inside the crop."""
        width, height = self.right - self.left, self.bottom - self.top
        points = record.keypoints.copy()
        points[:, :2] -= (self.left, self.top)
        labelled = points[:, 2] > 0
        outside = labelled & ~inside_image(points[:, :2], width, height)
        points[outside | ~labelled] = 0
        return replace(
            record,
            image=file,
            width=width,
            height=height,
            keypoints=points,
            bbox=record.bbox - np.array([self.left, self.top, self.left, self.top]),
            rules=record.rules + (AppliedRule.KEYPOINT_OUTSIDE_CROP,) * int(outside.sum()),
        )


@dataclass(frozen=True)
class _Origin:
    """Where a crop was cut out: the image, the instance's number there (from 1), and the crop's top-left pixel."""

    image: Path
    number: int
    left: int
    top: int


class _Work:
    """Cuts out the instances of an ``AnnotationSet``, image by image.

    Args:
        reading: what was read.
        rules: what is cut out and how.
        folder: where the crops go, in the same subfolders as the images.
    """

    def __init__(self, reading: AnnotationSet, rules: _Rules, folder: Path) -> None:
        self.reading, self.rules, self.folder = reading, rules, folder
        self.made: dict[int, PoseRecord] = {}
        self.origins: dict[Path, _Origin] = {}
        self.left_out: Counter[str] = Counter()
        self.faults: list[BadInputError] = []
        images = [p.path for p in images_of(reading)]
        self.root = Path(os.path.commonpath([p.parent for p in images])) if images else Path()

    def run(self, progress: Progress | None) -> None:
        """Cut out everything; each image is decoded once."""
        images: dict[Path, list[tuple[int, int, PoseRecord]]] = {}
        numbers: Counter[Path] = Counter()  # a.jpg and a.png in one folder share their numbers
        for i, record in enumerate(self.reading.records):
            stem = record.image.with_suffix("")
            numbers[stem] += 1
            images.setdefault(record.image, []).append((i, numbers[stem], record))
        for done, (path, instances) in enumerate(images.items(), 1):
            kept = [entry for entry in instances if self._keeps(entry[2])]
            if kept:
                self._cut_image(path, kept)
            if progress is not None:
                progress(done, len(images))
        used = {origin.image for origin in self.origins.values()}
        without = len(images_of(self.reading)) - len(used)
        self.left_out.update({"images without a crop": without} if without else {})

    def result(self, source: Path) -> AnnotationSet:
        """Return the crops as an ``AnnotationSet``, in the order of the source.

        Raises:
            BadInputError: there are none.
        """
        if not self.made:
            reasons = ", ".join(f"{count} × {what}" for what, count in self.left_out.most_common())
            raise BadInputError(
                "no instance to cut out", where=str(source),
                expected=f"one with {self.rules.min_keypoints} or more labelled keypoints in a box",
                found=reasons or "no instances", todo="label keypoints, or lower min_keypoints or min_side",
            )  # fmt: skip
        for reason, count in sorted(self.left_out.items()):
            logger.warning("left out: %d × %s", count, reason)
        records = [self.made[i] for i in sorted(self.made)]
        faults = self.reading.faults + self.faults
        further = self.reading.image_keys
        keys = {
            crop: further[origin.image] for crop, origin in self.origins.items() if origin.image in further
        }
        cut = replace(
            self.reading, records=records, faults=faults, backgrounds=[], splits={}, image_keys=keys
        )
        for rule in (AppliedRule.KEYPOINT_OUTSIDE_CROP, AppliedRule.CROP_WIDENED):
            if cut.rules[rule]:
                logger.warning("%d × %s", cut.rules[rule], rule.value)
        return cut

    def write_origins(self, path: Path) -> None:
        """Write a table of all crops; adding (left, top) to a point of the crop gives the point of the image."""
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["crop", "image", "instance", "left", "top"])
            for record in self.made.values():
                origin = self.origins[record.image]
                table.writerow([
                    as_cell(record.image.relative_to(self.folder).as_posix()),
                    as_cell(origin.image.relative_to(self.root).as_posix()),
                    origin.number, origin.left, origin.top,
                ])  # fmt: skip

    def _keeps(self, record: PoseRecord) -> bool:
        reason = self.rules.reason_against(record)
        if reason is not None:
            self.left_out[reason] += 1
        return reason is None

    def _cut_image(self, path: Path, instances: list[tuple[int, int, PoseRecord]]) -> None:
        pixels = _read(path)
        stated = instances[0][2]
        if pixels is None or pixels.shape[:2] != (stated.height, stated.width):
            size = "nothing" if pixels is None else f"{pixels.shape[1]}×{pixels.shape[0]}"
            self.faults += [
                BadInputError("image cannot be decoded as its header says", where=str(path),
                              expected=f"{stated.width}×{stated.height} pixels", found=size, todo="fetch it again")
            ] * len(instances)  # fmt: skip
            return
        for i, number, record in instances:
            region = self.rules.region(record)
            widened = region.widened(record.keypoints[record.keypoints[:, 2] > 0, :2])
            if self.rules.keep_points and widened != region:
                region, record = widened, replace(record, rules=(*record.rules, AppliedRule.CROP_WIDENED))
            name = f"{path.stem}_{number}{self.rules.suffix}"
            file = self.folder / path.relative_to(self.root).parent / name
            moved = region.move(record, file)
            if moved.num_labelled < self.rules.min_keypoints:
                self.left_out["keypoints outside the crop"] += 1
                continue
            self.rules.save(file, pixels[region.top : region.bottom, region.left : region.right])
            self.made[i] = moved
            self.origins[file] = _Origin(path, number, region.left, region.top)


def _read(path: Path) -> np.ndarray | None:
    """Read an image at its own depth; ``None`` if it cannot be decoded."""
    try:
        return read_pixels(path)
    except BadInputError:
        return None


def _can_link(folder: Path) -> bool:
    """Tell whether this disk supports hard links, so that crops need not be written twice."""
    (folder / "one").touch()
    try:
        (folder / "two").hardlink_to(folder / "one")
    except OSError:
        return False
    return True


def _draw_sheet(reading: AnnotationSet, path: Path, seed: int) -> None:
    """Draw some crops, chosen by the seed, as they are on the disk."""
    records = reading.records
    chosen = np.random.default_rng(seed).permutation(len(records))[:_TILES]
    tiles = [_tile(records[i], reading.schema) for i in sorted(chosen)]
    write_image(path, grid(tiles, min(_COLUMNS, len(tiles))))


def _tile(record: PoseRecord, schema: KeypointSchema) -> np.ndarray:
    image = read_image(record.image, SHOWN)
    scale = _TILE / max(record.width, record.height)
    size = [max(1, round(record.width * scale)), max(1, round(record.height * scale))]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    tile = np.zeros((_TILE, _TILE, 3), np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(image, size, interpolation=method)
    x1, y1, x2, y2 = ((record.bbox + 0.5) * scale - 0.5).round().astype(int).tolist()
    cv2.rectangle(tile, (x1, y1), (x2, y2), (255, 255, 255), 1)
    points = (record.keypoints[:, :2] + 0.5) * scale - 0.5
    visibility = record.keypoints[:, 2]
    draw_points(tile, points, schema, visibility == 2, 1, shown=visibility > 0)
    strip = np.zeros((_CAPTION, _TILE, 3), np.uint8)
    words = f"{record.num_labelled} pts  {record.width}x{record.height}  {record.image.stem[-18:]}"
    cv2.putText(strip, words, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.38, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([strip, tile])
