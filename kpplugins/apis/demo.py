"""Run a model on images, folders, videos and the webcam."""

import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.config import Config
from mmpose.registry import DATASETS
from tqdm import tqdm

from kpplugins.config.load import load_config
from kpplugins.data.annotation_set import SCHEMA_FILE
from kpplugins.data.images import SUFFIXES, write_image
from kpplugins.inference.predictor import Predictor
from kpplugins.inference.video_reader import VideoReader
from kpplugins.structures import BadInputError, IncompleteInputError
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.draw import draw_pose

logger = logging.getLogger(__name__)
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v")
SEARCH_EVERY = 5
"""While the keypoints are lost, one frame in this many is searched as a whole."""
WINDOW = "kpplugins (q quits)"


def find_inputs(inputs: Iterable[str | Path]) -> list[Path]:
    """Find the images and videos among files and folders.

    Args:
        inputs: files, and folders that are searched without their subfolders.

    Returns:
        The files in the order of ``inputs``, those of one folder sorted.

    Raises:
        BadInputError: a path does not exist, a file is neither image nor video, or a folder holds none.
    """
    found: list[Path] = []
    for given in map(Path, inputs):
        if given.is_dir():
            inside = sorted(p for p in given.iterdir() if p.suffix.lower() in SUFFIXES + VIDEO_SUFFIXES)
            if not inside:
                raise BadInputError("no image or video in this folder", where=str(given))
            found += inside
        elif not given.is_file():
            raise BadInputError("no such file or folder", where=str(given))
        elif given.suffix.lower() in SUFFIXES + VIDEO_SUFFIXES:
            found.append(given)
        else:
            raise BadInputError(
                "neither an image nor a video",
                where=str(given),
                expected=", ".join(SUFFIXES + VIDEO_SUFFIXES),
            )
    return found


def test_images(config: str | Path | Config, data: str | Path, extract_to: str | Path) -> list[Path]:
    """Return the images of a config's test split.

    Args:
        config: a config file, or a config from ``load_config``.
        data: the data folder that the datasets read.
        extract_to: folder for images that are not files, such as those inside Kaggle's CSV.

    Returns:
        The image files in the dataset's order, each once.

    Raises:
        BadInputError: see ``load_config`` and the dataset.
    """
    dataset = DATASETS.build(load_config(config, data=data).test_dataloader.dataset)
    named = dict.fromkeys(dataset.get_data_info(i)["img_path"] for i in range(len(dataset)))
    return [
        Path(name) if Path(name).is_file() else _extract(dataset, name, Path(extract_to)) for name in named
    ]


def _extract(dataset: Any, name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / Path(name).name
    write_image(path, dataset.image(name))
    return path


test_images.__test__ = False  # type: ignore[attr-defined]  # not a test case of pytest


def demo_files(
    predictor: Predictor,
    files: Sequence[Path],
    out: str | Path,
    *,
    boxes: np.ndarray | None = None,
    score_thr: float = 0.3,
    skip_bad: bool = False,
    max_frames: int | None = None,
) -> list[Path]:
    """Draw what the model finds in each input, and write it as JSON beside the drawing.

    Args:
        predictor: of any kind of model.
        files: images and videos, as ``find_inputs`` returns them.
        out: folder for ``schema.json``, and for each input ``NAME.json`` and ``NAME.jpg`` (``.png`` or ``.jpeg`` where
            the image has it, ``.mp4`` for videos).
        boxes: (N, 4) xyxy in pixels for every image, for a top-down model; ``None`` searches the whole image.
        score_thr: keypoints with a lower score are drawn as rings.
        skip_bad: skip unreadable files and log which, instead of stopping; of a video of which frames are missing,
            the others are kept in any case.
        max_frames: of each video, at most so many frames from its start.

    Returns:
        The drawn files.

    Raises:
        BadInputError: a file cannot be read or written, two inputs differ only in their suffixes, or ``out`` is the
            folder of an input.
        IncompleteInputError: frames of a video are missing; raised when all other inputs are done.
    """
    folder = Path(out)
    own = [f for f in files if f.parent.resolve() == folder.resolve()]
    if own:
        raise BadInputError(
            "results would be written among the inputs", where=str(own[0]), todo="give another --out"
        )
    names = result_names(files)
    if Path(SCHEMA_FILE).stem in names:
        raise BadInputError(
            "an input's results would be called schema.json", where=str(folder), todo="rename it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    predictor.schema.save(folder / SCHEMA_FILE)
    written: list[Path] = []
    partly: list[IncompleteInputError] = []
    for file, name in zip(tqdm(files, desc="demo", disable=None), names, strict=True):
        try:
            if file.suffix.lower() not in VIDEO_SUFFIXES:
                written.append(_image(predictor, file, folder / name, boxes, score_thr))
                continue
            video = VideoReader(file, max_frames)
            written.append(_video(predictor, video, folder / name, boxes, score_thr))
            video.require_whole()
        except IncompleteInputError as fault:
            partly.append(fault)
            logger.warning("%s: %s; these are kept", fault.where, fault.what)
        except BadInputError as fault:
            if not skip_bad:
                raise
            logger.warning("skipped: %s", fault)
    if partly and not skip_bad:
        first = partly[0]
        more = f", and {len(partly) - 1} more such videos" if partly[1:] else ""
        raise IncompleteInputError(
            first.what, written, where=first.where, found=first.found + more, todo=first.todo
        )
    return written


def result_names(files: Sequence[Path]) -> list[str]:
    """Return the names of the results: those of the files, with their folders where two files have the same name.

    Args:
        files: the inputs.

    Returns:
        One name per file, without suffix.

    Raises:
        BadInputError: two inputs differ only in their suffixes.
    """
    names = [file.stem for file in files]
    if len(set(names)) < len(names):
        shared = Path(os.path.commonpath([file.resolve().parent for file in files]))
        names = ["_".join(file.resolve().relative_to(shared).with_suffix("").parts) for file in files]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise BadInputError(f"two inputs are called {twice[0]!r}", todo="run them with two --out folders")
    return names


def _named(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)


def demo_webcam(
    predictor: Predictor, source: str = "0", *, score_thr: float = 0.3, max_frames: int | None = None
) -> int:
    """Show live camera images with what the model finds, until q or Escape is pressed or the window is closed.

    Args:
        predictor: of any kind of model.
        source: number of the camera, or anything else that OpenCV can open (a device, an address, a video file).
        score_thr: keypoints with a lower score are drawn as rings.
        max_frames: stop after this many frames.

    Returns:
        The number of images shown.

    Raises:
        BadInputError: the camera cannot be opened, or there is no screen or this OpenCV cannot open windows.
    """
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        raise BadInputError(
            "no screen to show the camera's image on",
            where="--webcam",
            expected="DISPLAY to be set",
            todo="run it on a desktop, or give a video file as INPUT",
        )
    capture = cv2.VideoCapture(int(source) if source.isdigit() else source)
    if not capture.isOpened():
        raise BadInputError(
            f"camera {source} cannot be opened",
            where="--webcam",
            todo="plug it in, close programs that use it, or give another number",
        )
    shown, rate, result = 0, 0.0, None
    try:
        for frame in _frames(capture, max_frames):
            start = time.perf_counter()
            result = predictor.follow(frame, result, shown % SEARCH_EVERY == 0)
            found = result.box_scores is not None  # search windows would flicker
            drawn = draw_pose(frame, result, predictor.schema, score_thr, boxes=found)
            rate = (
                0.9 * rate + 0.1 / (time.perf_counter() - start)
                if rate
                else 1 / (time.perf_counter() - start)
            )
            cv2.putText(drawn, f"{rate:.1f} fps", (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 255, 0), 2)
            shown += 1
            if not _show(drawn):
                break
    finally:
        capture.release()
        if shown > 1:  # a window has been opened
            cv2.destroyAllWindows()
    return shown


def _image(predictor: Predictor, file: Path, stem: Path, boxes: np.ndarray | None, score_thr: float) -> Path:
    image = predictor.read(file)
    result = replace(predictor(image, boxes), source=file.name)
    _write_json(_named(stem, ".json"), result.to_dict())
    ending = file.suffix if file.suffix.lower() in (".jpg", ".jpeg", ".png") else ".jpg"
    target = _named(stem, ending)
    write_image(target, draw_pose(image, result, predictor.schema, score_thr))
    return target


def _video(
    predictor: Predictor, video: VideoReader, stem: Path, boxes: np.ndarray | None, score_thr: float
) -> Path:
    target, size = _named(stem, ".mp4"), video.size
    writer = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), video.fps or 25.0, size)
    if not writer.isOpened():
        raise BadInputError(
            "cannot be written", where=str(target), todo="is the disk full, the folder writable?"
        )
    frames, result = [], None
    bar = tqdm(video, total=video.wanted, desc=video.file.name, leave=False, disable=None)
    try:
        for i, frame in bar:
            if boxes is None:
                result = predictor.follow(frame, result, i % SEARCH_EVERY == 0)
            else:
                result = predictor(frame, boxes)
            frames.append({"frame": i, "instances": result.to_dict()["instances"]})
            writer.write(draw_pose(frame, result, predictor.schema, score_thr))
    except BadInputError:
        writer.release()
        target.unlink()  # without its JSON it would pass for a whole result
        raise
    writer.release()
    head = {
        "video": video.file.name,
        "width": size[0],
        "height": size[1],
        "fps": video.fps,
        "frame_count": video.frame_count,
        "frames_read": video.read,
        "keypoint_names": list(predictor.schema.keypoints),
    }
    _write_json(_named(stem, ".json"), {**head, "frames": frames})
    return target


def _frames(capture: cv2.VideoCapture, at_most: int | None = None) -> Iterator[np.ndarray]:
    count = 0
    while at_most is None or count < at_most:
        more, frame = capture.read()
        if not more:
            return
        count += 1
        yield frame


def _show(image: np.ndarray) -> bool:
    """Show one image, and return whether to go on."""
    try:
        cv2.imshow(WINDOW, image)
        pressed = cv2.waitKey(1) & 0xFF
        return pressed not in (ord("q"), 27) and cv2.getWindowProperty(WINDOW, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error as error:
        raise BadInputError(
            "this OpenCV cannot open a window",
            where="--webcam",
            found=str(error).splitlines()[0][:100],
            todo="run it on a desktop with opencv-python (not -headless); see kpplugins doctor",
        ) from error


def _write_json(path: Path, content: dict) -> None:
    replace_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
