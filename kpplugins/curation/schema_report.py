"""Compare a keypoint schema with the labelled keypoints: flip pairs, sigmas, and a sheet to inspect."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kpplugins.curation.flips import FlipPairs, settle_flips
from kpplugins.curation.stats import opened
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.images import SHOWN, read_image, write_image
from kpplugins.data.repeats import joined, matched_instances, people, repeated_instances
from kpplugins.formats.open_source import SCHEMA_FILE
from kpplugins.schema import KeypointSchema
from kpplugins.schema.flip_evidence import PairEvidence, flip_evidence
from kpplugins.schema.keypoint_schema import KNOWN
from kpplugins.schema.measured_sigmas import with_measured_sigmas
from kpplugins.schema.side_names import read_sides
from kpplugins.structures import BadInputError
from kpplugins.visualization.grid import grid
from kpplugins.visualization.table import markdown_table

SHEET_NAME = "schema.png"
TILE = 400
"""Side of a tile in pixels."""

_LEFT, _RIGHT, _MIDDLE = (60, 150, 255), (255, 190, 60), (120, 230, 120)
"""BGR: orange, light blue, green."""

_CONTEXT, _CAPTION, _LEGEND = 0.2, 22, 270


@dataclass(frozen=True)
class SchemaReport:
    """Result of checking a schema.

    Attributes:
        schema: checked against geometry, with measured sigmas where there are repeats.
        stated: the schema as the source states it.
        evidence: what the geometry tells about each flip pair.
        text: table, skeleton, source of the sigmas and warnings, to print.
        warnings: for the user.
        sheet: the image that was drawn, or ``None``.
        written: the ``schema.json`` that was written, or ``None``.
    """

    schema: KeypointSchema
    stated: KeypointSchema
    evidence: tuple[PairEvidence, ...]
    text: str
    warnings: tuple[str, ...]
    sheet: Path | None = None
    written: Path | None = None


def schema_report(
    source: Path,
    *,
    out: Path | None = None,
    repeated: Path | None = None,
    from_format: str | None = None,
    num: int = 8,
    seed: int = 0,
    write: bool = False,
    flip_pairs: FlipPairs = None,
    accept_flip_pairs: bool = False,
    **options: Any,
) -> SchemaReport:
    """Check a source's flip pairs against its keypoints, measure sigmas, and draw a sheet.

    Args:
        source: a converted folder, or a file or folder of any known format.
        out: folder for ``schema.png``; ``None`` draws nothing.
        repeated: a second annotation of the same images, to measure the sigmas.
        from_format: the source's format; ``None`` detects it.
        num: number of instances on the sheet, those with the most labelled keypoints.
        seed: of the random choice of instances.
        write: save the schema as ``source/schema.json``, which overrides the annotation files.
        flip_pairs, accept_flip_pairs: see ``convert``.
        **options: of ``open_source``, e.g. ``skip_bad``, ``names``.

    Returns:
        The checked schema, the evidence for each flip pair, and what was written.

    Raises:
        BadInputError: see ``open_source`` and ``matched_instances``; or ``write`` where the source is not a folder.
    """
    if write and not source.is_dir():
        raise BadInputError("schema.json can be written into a folder only", where=str(source))
    sheet = None
    with opened(source, from_format, **options) as (_, reading):
        stated = reading.schema
        points = np.array([r.keypoints for r in people(reading)]).reshape(-1, stated.num_keypoints, 3)
        reading.flips_stated = False  # ask the labels again
        warnings = settle_flips(reading, flip_pairs, accept_flip_pairs)
        schema = reading.schema
        shown = schema if schema.flip_pairs else stated
        evidence = flip_evidence(points[..., :2], points[..., 2] > 0, shown, seed)
        repeats = repeated_instances(reading)
        if repeated is not None:
            with opened(repeated) as (_, again):
                repeats = joined(repeats, matched_instances(reading, again))
        if len(repeats[1]):
            schema, more = with_measured_sigmas(schema, *repeats)
            warnings += more
        elif repeated is not None:
            warnings.append(f"sigmas not measured: no instance of {repeated} matches one of {source}")
        if out is not None and num > 0 and len(points):
            out.mkdir(parents=True, exist_ok=True)
            sheet = out / SHEET_NAME
            write_image(sheet, _sheet(_fullest(reading, num, seed), shown, evidence))
    text = _text(schema, shown, evidence, (points[..., 2] > 0).sum(axis=0), warnings)
    written = _write(schema, source / SCHEMA_FILE) if write else None
    return SchemaReport(schema, stated, tuple(evidence), text, tuple(warnings), sheet, written)


def _write(schema: KeypointSchema, path: Path) -> Path:
    beside = path.with_name(f".{path.name}.new")
    schema.save(beside)
    return beside.replace(path)


def _text(
    schema: KeypointSchema,
    stated: KeypointSchema,
    evidence: Sequence[PairEvidence],
    counts: np.ndarray,
    warnings: Sequence[str],
) -> str:
    verdicts = {name: e for e in evidence for name in e.pair}
    partner = {a: b for pair in stated.flip_pairs for a, b in (pair, pair[::-1])}
    rows = []
    for k, name in enumerate(stated.keypoints):
        said = verdicts.get(name)
        geometry = f"{said.verdict} ({said.instances} instances)" if said else ""
        alone = (
            "none: unpaired" if name in stated.unpaired else "itself" if schema.flips == KNOWN else "unknown"
        )
        rows.append([k, name, partner.get(name, alone), geometry, f"{schema.sigmas[k]:g}", int(counts[k])])
    lines = ", ".join(f"{a}-{b}" for a, b in schema.skeleton) or "none"
    table = markdown_table(["#", "keypoint", "flip partner", "geometry", "sigma", "labelled"], rows)
    tail = [f"skeleton: {lines}", f"sigmas: {schema.sigmas_source}"]
    tail += [f"{'/'.join(e.pair)}: {e.verdict}: {e.reason}" for e in evidence if e.verdict == "unknown"]
    flips = f"off: {schema.unflipped}" if schema.unflipped else "on"
    return "\n".join([table + tail[0], *tail[1:], f"flips in training and test: {flips}",
                      *(f"warning: {w}" for w in warnings)])  # fmt: skip


def _fullest(reading: AnnotationSet, num: int, seed: int) -> list[PoseRecord]:
    """Choose the instances with the most labelled keypoints, ties at random, from different images if possible."""
    everybody = people(reading)
    shuffled = [everybody[i] for i in np.random.default_rng(seed).permutation(len(everybody))]
    ordered = sorted(shuffled, key=lambda r: -r.num_labelled)
    seen: set[Path] = set()
    fresh = [r for r in ordered if not (r.image in seen or seen.add(r.image))]  # type: ignore[func-returns-value]
    chosen = {id(r) for r in fresh}
    return (fresh + [r for r in ordered if id(r) not in chosen])[:num]


def _sheet(
    records: Sequence[PoseRecord], schema: KeypointSchema, evidence: Sequence[PairEvidence]
) -> np.ndarray:
    """Draw each instance as it is and mirrored with exchanged keypoints; names and colours at the right."""
    colors = _side_colors(schema)
    tiles = []
    for record in records:
        tiles += [_tile(record, schema, colors, False), _tile(record, schema, colors, True)]
    sheet = grid(tiles, 2 if len(records) == 1 else 4)
    legend = np.zeros((max(sheet.shape[0], 20 * (schema.num_keypoints + 8)), _LEGEND, 3), np.uint8)
    against = {n for e in evidence if e.verdict in ("disagrees", "missing") for n in e.pair}
    head = [("left", _LEFT), ("right", _RIGHT), ("middle", _MIDDLE)]
    head += [("!  geometry disagrees", (80, 80, 255))] if against else []
    for i, (words, color) in enumerate(head):
        _write_words(legend, words, (10, 22 + 20 * i), color)
    for k, name in enumerate(schema.keypoints):
        words = f"{k} {'! ' if name in against else ''}{_plain(name)}"
        _write_words(legend, words, (10, 102 + 20 * k), colors[k])
    missing = legend.shape[0] - sheet.shape[0]
    return np.hstack([np.pad(sheet, ((0, missing), (0, 0), (0, 0))), legend])


def _side_colors(schema: KeypointSchema) -> list[tuple[int, int, int]]:
    """Colour left and right by the names, or by the order in a flip pair where the names do not tell."""
    colors = dict.fromkeys(schema.keypoints, _MIDDLE)
    for pairs in (schema.flip_pairs, read_sides(schema.keypoints).pairs):
        for left, right in pairs:
            colors[left], colors[right] = _LEFT, _RIGHT
    return [colors[name] for name in schema.keypoints]


def _tile(
    record: PoseRecord, schema: KeypointSchema, colors: Sequence[tuple[int, int, int]], mirrored: bool
) -> np.ndarray:
    image = read_image(record.image, SHOWN)
    inside = record.keypoints[:, 2] > 0
    corners = record.keypoints[inside, :2] if inside.sum() > 1 else record.bbox.reshape(2, 2)
    low, high = corners.min(axis=0), corners.max(axis=0)
    side = float(max((high - low).max(), 1)) * (1 + 2 * _CONTEXT)
    scale, shift = TILE / side, (low + high) / 2 - side / 2
    matrix = np.array([[scale, 0, -shift[0] * scale], [0, scale, -shift[1] * scale]])
    tile = cv2.warpAffine(image, matrix, (TILE, TILE), flags=cv2.INTER_LINEAR)
    points = (record.keypoints[:, :2] - shift) * scale
    if mirrored:
        tile = np.ascontiguousarray(tile[:, ::-1])
        points = points[schema.flip_indices] * [-1, 1] + [TILE - 1, 0]
        inside = inside[schema.flip_indices]
    _draw_numbered(tile, points, inside, schema, colors)
    strip = np.zeros((_CAPTION, TILE, 3), np.uint8)
    words = "mirrored, points exchanged by the flip pairs" if mirrored else _plain(record.image.name)
    _write_words(strip, words, (6, 15), (255, 255, 255))
    return cv2.copyMakeBorder(np.vstack([strip, tile]), 0, 4, 0, 4, cv2.BORDER_CONSTANT, value=(0, 0, 0))


def _draw_numbered(
    tile: np.ndarray, points: np.ndarray, shown: np.ndarray, schema: KeypointSchema, colors: Sequence
) -> None:
    """Draw keypoints with their numbers, which are moved away from the middle of all keypoints."""
    where = [(round(float(x)), round(float(y))) for x, y in np.nan_to_num(points)]
    for a, b in schema.skeleton_indices:
        if shown[a] and shown[b]:
            cv2.line(tile, where[a], where[b], colors[a], 1, cv2.LINE_AA)
    middle = points[shown].mean(axis=0)
    for k in np.flatnonzero(shown):
        cv2.circle(tile, where[k], 4, colors[k], -1, cv2.LINE_AA)
        cv2.circle(tile, where[k], 4, (0, 0, 0), 1, cv2.LINE_AA)
    for k in np.flatnonzero(shown):
        away = points[k] - middle
        away = away / max(float(np.linalg.norm(away)), 1e-9) * 15
        spot = (where[k][0] + round(float(away[0])) - 6, where[k][1] + round(float(away[1])) + 5)
        _write_words(tile, str(k), spot, colors[k])


def _write_words(canvas: np.ndarray, words: str, place: tuple[int, int], color: tuple[int, int, int]) -> None:
    for outline, shade in ((3, (0, 0, 0)), (1, color)):
        cv2.putText(canvas, words, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, shade, outline, cv2.LINE_AA)


def _plain(name: str) -> str:
    """Reduce a name to what OpenCV's font can draw."""
    return name.encode("ascii", "replace").decode()[-44:]
