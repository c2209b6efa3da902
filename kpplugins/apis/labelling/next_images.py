"""Choose the images to label next, and write them with predictions to correct."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kpplugins.apis.labelling.appraisal import Appraisal, appraise
from kpplugins.apis.labelling.pool import Pool, pool_of
from kpplugins.apis.labelling.selection import WAYS, choose_images
from kpplugins.curation.export import TARGETS, require_target, write_content
from kpplugins.data import ImageInfo
from kpplugins.data.aside import beside, made_aside, require_new
from kpplugins.data.coco.writer import Progress, images_of
from kpplugins.data.images import SHOWN, read_image, write_image
from kpplugins.formats.open_source import open_source
from kpplugins.formats.writing.content import Content
from kpplugins.formats.writing.predicted import Prediction, check_threshold, predicted_content
from kpplugins.inference.pose_result import PoseResult
from kpplugins.inference.predictor import Predictor
from kpplugins.storage.files import copy_file
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.draw import draw_pose
from kpplugins.visualization.grid import grid

_TILE, _COLUMNS, _MOST_TILES = 240, 6, 60


def next_images(
    pool: Sequence[str | Path],
    run: str | Path,
    *,
    out: str | Path,
    number: int = 50,
    to: str = "labelme",
    way: str = WAYS[0],
    every: float = 1.0,
    labelled: str | Path | None = None,
    detector: str | Path | None = None,
    score_thr: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Choose images to label that are unlike each other, and write them for an annotation tool.

    Of images that look the same, one is looked at; of a video, a frame each second. The run predicts on all of them;
    what it predicts on the chosen ones is written as labels to correct.

    Args:
        pool: images, folders, patterns and videos.
        run: a work dir or a checkpoint.
        out: the folder to make: a folder named like ``to`` for the annotation tool, ``next.json`` (what was chosen, and
            why) and ``next.jpg``.
        number: of images to choose.
        to: the annotation tool's format, see ``export_annotations``.
        way: how to choose, of ``WAYS``; see ``choose_images``.
        every: seconds from one frame of a video to the next that is looked at.
        labelled: labels in any known format; what looks like one of their images is not chosen.
        detector: of the boxes in which a top-down model predicts.
        score_thr: least score of a keypoint that is written, see ``predicted_content``.
        seed: of the choice.
        progress: called with (images done, of all).

    Returns:
        What was found, left out and chosen, in words with counts; ``import``, how to open the folder.

    Raises:
        BadInputError: see ``find_inputs``, ``Predictor`` and ``appraise``; an unknown format or way; ``out`` is not
            empty; or ``number`` is below 1.
    """
    out = Path(out)
    require_target(to)
    check_threshold(score_thr)
    if number < 1:
        raise BadInputError("not a number of images", where="--number", expected="≥ 1", found=str(number))
    if way not in WAYS:
        raise BadInputError("unknown way to choose", where="--by", expected=", ".join(WAYS), found=repr(way))
    require_new(out)
    predictor = Predictor(run, detector=detector)
    with beside(out) as passing:
        found = pool_of(pool, passing, every=every, labelled=_images_of(labelled, passing), progress=progress)
        seen = appraise(predictor, [image.path for image in found.images], progress=progress)
        chosen = choose_images(
            seen.features, seen.unsureness, range(len(found.images)), number, way=way, seed=seed
        )
        with made_aside(out) as made:
            made.mkdir(parents=True, exist_ok=True)
            content = _content(predictor, found, seen, chosen, passing, score_thr)
            lost = write_content(content, made / to, to=to, place="copy", passing=passing)
            _write_reasons(found, seen, chosen, made, way)
    return {
        **found.counts, "chosen": len(chosen), "predictions": dict(content.counts), "lost": dict(lost),
        "import": TARGETS[to].words.format(out=(out / to).resolve()),
    }  # fmt: skip


def _images_of(labelled: str | Path | None, passing: Path) -> list[ImageInfo]:
    if labelled is None:
        return []
    return images_of(open_source(as_path(labelled), extract_to=passing / "labelled", skip_bad=True)[1])


def _content(
    predictor: Predictor,
    pool: Pool,
    seen: Appraisal,
    chosen: Sequence[int],
    passing: Path,
    threshold: float | None,
) -> Content:
    """Return the chosen images, under their own names, with what was predicted on them."""
    images, predictions = [], {}
    for i in chosen:
        image, path = pool.images[i], passing / "chosen" / pool.names[i]
        path.parent.mkdir(parents=True, exist_ok=True)
        copy_file(image.path, path)
        images.append(ImageInfo(path, image.width, image.height))
        predictions[path] = _predictions(seen.results[i], pool.origins[i])
    return predicted_content(predictor.schema, images, predictions, threshold, origin=predictor.model.name)


def _predictions(result: PoseResult, where: str) -> list[Prediction]:
    named = result.categories or (result.schema.name,) * len(result)
    return [
        Prediction(
            np.column_stack([result.keypoints[i], result.scores[i]]), result.boxes[i],
            float(result.instance_scores[i]), Path(where), where, named[i],
            None if result.states is None else result.states[i],
        )
        for i in range(len(result))
    ]  # fmt: skip


def _write_reasons(pool: Pool, seen: Appraisal, chosen: Sequence[int], made: Path, way: str) -> None:
    """Write ``next.json`` and ``next.jpg``."""
    rows = [
        {
            "image": pool.origins[i], "name": pool.names[i], "unsureness": round(float(seen.unsureness[i]), 4),
            "mean score": round(float(seen.results[i].scores.mean()), 4) if len(seen.results[i]) else None,
            "instances": len(seen.results[i]), "alike": pool.alike[i],
        }
        for i in chosen
    ]  # fmt: skip
    content = {"chosen by": way, "of": len(pool.images), "left out": dict(pool.counts), "images": rows}
    replace_text(made / "next.json", json.dumps(content, indent=1) + "\n")
    tiles = [_tile(pool.images[i].path, seen.results[i]) for i in chosen[:_MOST_TILES]]
    write_image(made / "next.jpg", grid(tiles, min(_COLUMNS, len(tiles))), [cv2.IMWRITE_JPEG_QUALITY, 85])


def _tile(path: Path, result: PoseResult) -> np.ndarray:
    """Return an image with its predictions, in a square."""
    drawn = draw_pose(read_image(path, SHOWN), result, result.schema)
    scale = _TILE / max(drawn.shape[:2])
    small = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:_TILE, :_TILE]
    tile = np.zeros((_TILE, _TILE, 3), np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    return tile
