"""What was found as rows, JSON and CSV."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kpplugins.apis.web.findings import Found
from kpplugins.formats.frames.frame_log import SUFFIX, FrameLog, head_of
from kpplugins.formats.frames.outputs import write_outputs
from kpplugins.inference.pose_result import PoseResult
from kpplugins.schema import KeypointSchema
from kpplugins.structures.replaced_file import replace_text

COLUMNS = ("instance", "keypoint", "x", "y", "score", "state")
_STATES = ("absent", "occluded", "visible")


def table_rows(result: PoseResult) -> list[list[Any]]:
    """Return what was found in an image, one row a keypoint.

    Args:
        result: of the image.

    Returns:
        Values of ``COLUMNS``: the instance, numbered from 0 as in the files, with its category; the name; x and y in
        pixels of the image; the score; what the model says of its visibility, if anything.
    """
    rows = []
    for i, (points, scores) in enumerate(zip(result.keypoints, result.scores, strict=True)):
        called = str(i) if result.categories is None else f"{i} {result.categories[i]}"
        states = (
            [""] * len(scores) if result.states is None else [_STATES[state] for state in result.states[i]]
        )
        rows += [
            [called, name, round(float(x), 1), round(float(y), 1), round(float(score), 3), state]
            for name, (x, y), score, state in zip(result.names, points, scores, states, strict=True)
        ]
    return rows


def results_of(found: Sequence[Found]) -> Iterator[dict[str, Any]]:
    """Yield what was found in each image, and in each frame of videos.

    Args:
        found: of one model, for each file.

    Yields:
        ``PoseResult.to_dict``; for frames of a video also ``frame`` and ``time`` in seconds.
    """
    for one in found:
        for result, frame, time in zip(one.results, one.frames, one.times, strict=True):
            yield result.to_dict() | ({"frame": frame, "time": round(time, 6)} if one.is_video else {})


def write_found(path: Path, model: str, found: Sequence[Found]) -> Path:
    """Write what a model found as JSON.

    Args:
        path: the file.
        model: its name.
        found: for each file.

    Returns:
        The file: ``model`` and ``results``, see ``results_of``.

    Raises:
        BadInputError: it cannot be written.
    """
    content = {"model": model, "results": list(results_of(found))}
    replace_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return path


def write_csv(path: Path, schema: KeypointSchema, found: Sequence[Found]) -> Path:
    """Write what a model found as a table, see ``formats.frames.frames_csv``.

    Args:
        path: the file.
        schema: the keypoints.
        found: for each file.

    Returns:
        The file: one row a keypoint, with its image, frame, time, instance and box.

    Raises:
        BadInputError: it cannot be written.
    """
    log = FrameLog(path.with_suffix(SUFFIX), head_of(schema, "page", "images"))
    for number, result in enumerate(results_of(found)):
        if "fault" not in result:
            log.add({"frame": number, **result})
    log.close()
    (table,) = write_outputs(log.path, ["csv"])
    log.path.unlink()
    return table
