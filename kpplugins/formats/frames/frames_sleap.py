"""Predictions as SLEAP labels (``.slp``), through sleap-io, an optional package."""

from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.structures.replaced_file import replaced_file


def write_frames_sleap(frames: PredictedFrames, stem: Path) -> list[Path]:
    """Write ``NAME.slp``: predicted instances with their scores and tracks, of the video or the image files.

    It is in memory as a whole while it is written, as sleap-io needs it.

    Args:
        frames: the predictions.
        stem: path of the file without ending.

    Returns:
        The file.

    Raises:
        BadInputError: it cannot be written.
    """
    import sleap_io

    path = stem.with_name(stem.name + ".slp")
    skeleton = sleap_io.Skeleton(
        nodes=list(frames.names), edges=[tuple(pair) for pair in frames.schema.skeleton],
        symmetries=[tuple(pair) for pair in frames.schema.flip_pairs],
    )  # fmt: skip
    there = [frame for frame in frames if "fault" not in frame]
    video, places = _video(frames.head, there)
    tracks: dict[int, Any] = {}
    labelled = []
    for place, frame in zip(places, there, strict=True):
        instances = [_instance(one, skeleton, tracks) for one in frame["instances"]]
        if instances:
            labelled.append(sleap_io.LabeledFrame(video=video, frame_idx=place, instances=instances))
    labels = sleap_io.Labels(
        labelled, videos=[video], skeletons=[skeleton], tracks=[tracks[i] for i in sorted(tracks)],
        provenance={"source": "kpplugins", "fps": frames.head.get("fps")},
    )  # fmt: skip
    with replaced_file(path) as aside:
        sleap_io.save_slp(labels, str(aside), embed=False, verbose=False)
    return [path]


def _video(head: dict[str, Any], there: list[dict[str, Any]]) -> tuple[Any, list[int]]:
    """Return SLEAP's video, which is not opened, and the place of each frame in it."""
    import sleap_io

    facts: dict[str, Any]
    names: list[str] | str
    if head["kind"] == "images":
        files = [str(Path(frame.get("file", frame["image"])).absolute()) for frame in there]
        sizes = {(frame.get("height", 0), frame.get("width", 0)) for frame in there}
        height, width = next(iter(sizes)) if len(sizes) == 1 else (0, 0)
        facts = {"type": "ImageVideo", "filename": files[0] if files else "", "filenames": files}
        names, places = files, list(range(len(files)))
    else:
        name = str(head["source"])
        names = str(Path(name).absolute()) if head["kind"] == "video" else name
        places = [int(frame["frame"]) for frame in there]
        height, width = head.get("height", 0), head.get("width", 0)
        facts = {"type": "MediaVideo", "filename": names}
    facts |= {"shape": (max(places, default=0) + 1, height, width, 3), "grayscale": False}
    return sleap_io.Video(names, backend_metadata=facts, open_backend=False), places


def _instance(found: dict[str, Any], skeleton: Any, tracks: dict[int, Any]) -> Any:
    import sleap_io

    rows = np.array(found["keypoints"], dtype=np.float64)
    number = found.get("track_id", -1)
    track = tracks.setdefault(number, sleap_io.Track(f"track_{number}")) if number >= 0 else None
    return sleap_io.PredictedInstance.from_numpy(
        rows[:, :2], skeleton, point_scores=rows[:, 2], score=float(found["score"]), track=track
    )
