"""Predictions as JSON: one file a video, or one an image."""

import json
from pathlib import Path
from typing import Any

from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.structures.replaced_file import replaced_file

_KEPT = ("width", "height", "fps", "frame_count")


def write_frames_json(frames: PredictedFrames, stem: Path) -> list[Path]:
    """Write ``NAME.json`` of a video or a camera: facts of the video, ``keypoint_names``, and ``frames``.

    Those of images are written one by one as they come, see ``kpplugins.apis.demo``.

    Args:
        frames: the predictions.
        stem: path of the file without ending.

    Returns:
        The file; none for images.

    Raises:
        BadInputError: it cannot be written.
    """
    if frames.head.get("kind") == "images":
        return []
    path, head = stem.with_name(stem.name + ".json"), frames.head
    facts: dict[str, Any] = {"video": Path(str(head.get("source", ""))).name}
    facts |= {name: head[name] for name in _KEPT if name in head}
    facts |= {
        "frames_read": sum("fault" not in frame for frame in frames),
        "keypoint_names": list(frames.names),
    }
    with replaced_file(path) as aside, aside.open("w", encoding="utf-8") as file:
        file.write(json.dumps(facts, indent=1)[:-2] + ',\n "frames": [')
        for i, frame in enumerate(frames):
            file.write(("," if i else "") + "\n  " + json.dumps(frame))
        file.write("\n ]\n}\n")
    return [path]
