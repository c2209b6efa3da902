"""Run a model on images, folders, videos, cameras and streams."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from kpplugins.data.annotation_set import SCHEMA_FILE
from kpplugins.data.images import write_image
from kpplugins.formats.frames.outputs import require_outputs
from kpplugins.inference.live.image_run import TOGETHER, predict_images
from kpplugins.inference.live.live_run import LiveRun
from kpplugins.inference.live.run_report import RunReport
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.live.video_run import predict_video
from kpplugins.inference.live.window import Window, why_no_screen
from kpplugins.inference.tracking.tracker import require_trackers
from kpplugins.inference.video.camera import Camera
from kpplugins.inference.video.input_files import is_video, result_names
from kpplugins.inference.video.opening import silence_opencv
from kpplugins.storage.files import copy_file, is_file
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import as_path

if TYPE_CHECKING:
    from mmengine.config import Config

    from kpplugins.inference.predictor import Predictor


def test_images(config: "str | Path | Config", data: str | Path, extract_to: str | Path) -> list[Path]:
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
    from mmpose.registry import DATASETS

    from kpplugins.config.load import load_config

    dataset = DATASETS.build(load_config(config, data=data).test_dataloader.dataset)
    named = dict.fromkeys(dataset.get_data_info(i)["img_path"] for i in range(len(dataset)))
    return [
        Path(name) if Path(name).is_file() else _extract(dataset, name, Path(extract_to), number)
        for number, name in enumerate(named)
    ]


def _extract(dataset: Any, name: str, folder: Path, number: int) -> Path:
    """Write an image into a folder: as it is, if it is a file in an archive or elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    place = as_path(name)
    if is_file(place):
        path = folder / f"{number:06d}_{place.name}"  # names of several folders
        copy_file(place, path)
    else:
        path = folder / place.name
        write_image(path, dataset.image(name))
    return path


test_images.__test__ = False  # type: ignore[attr-defined]  # not a test case of pytest


def check_settings(settings: RunSettings) -> None:
    """Make sure, before a model is loaded, that everything is there which a run needs.

    Args:
        settings: of the run.

    Raises:
        BadInputError: an unknown format or tracker, or a number of frames that is none.
        MachineError: a package is not installed.
    """
    require_outputs(settings.formats)
    if settings.track is not None:
        require_trackers(settings.track)
    if settings.max_frames is not None and settings.max_frames < 1:
        raise BadInputError(
            "not a number of frames", where="--max-frames", expected="≥ 1", found=str(settings.max_frames)
        )


def demo_files(predictor: "Predictor", files: Sequence[Path], settings: RunSettings) -> RunReport:
    """Draw what the model finds in each input, and write it in the formats that are wanted.

    ``OUT`` gets ``schema.json``; for each image ``NAME.json`` and ``NAME.jpg`` (``.png`` or ``.jpeg`` where the image
    has it), and for all images together ``predictions.jsonl``; for each video ``NAME.mp4``, ``NAME.jsonl`` and
    ``NAME.json``. The ``.jsonl`` grow image by image and frame by frame. What is bad is told and left out.

    Args:
        predictor: of any kind of model.
        files: images and videos, as ``find_inputs`` returns them.
        settings: where to and how.

    Returns:
        What came of it, and which inputs were bad.

    Raises:
        BadInputError: a result cannot be written, two inputs differ only in their suffixes, or ``out`` is the folder of
            an input.
    """
    check_settings(settings)
    names = _checked_names(files, settings.out)
    settings.out.mkdir(parents=True, exist_ok=True)
    predictor.schema.save(settings.out / SCHEMA_FILE)
    silence_opencv()
    report = RunReport()
    pairs = list(zip(files, names, strict=True))
    images = [pair for pair in pairs if not is_video(pair[0])]
    if images:
        found, called = zip(*images, strict=True)
        report += predict_images(predictor, found, called, settings)
    videos = [pair for pair in pairs if is_video(pair[0])]
    for file, name in tqdm(videos, desc="videos", unit="video", disable=None if videos[1:] else True):
        try:
            report += predict_video(predictor, file, name, settings)
        except BadInputError as fault:
            if fault.where != str(file):  # not the video's, but the disk's or the model's
                raise
            report.faults.append(fault)
            tqdm.write(f"bad: {fault}")
    return report


def _checked_names(files: Sequence[Path], out: Path) -> list[str]:
    """Return the names of the results, none of which takes the place of another file."""
    own = [file for file in files if file.parent.resolve() == out.resolve()]
    if own:
        raise BadInputError(
            "results would be written among the inputs", where=str(own[0]), todo="give another --out"
        )
    names = result_names(files)
    for taken in (Path(SCHEMA_FILE).stem, TOGETHER):
        if taken in names:
            raise BadInputError(
                f"an input's results would be called {taken}", where=str(out), todo="rename it"
            )
    return names


def demo_webcam(
    models: Sequence[tuple[str, "Predictor"]],
    source: str,
    settings: RunSettings,
    tell: Callable[[str], None],
    instead: Callable[[], RunReport] | None = None,
) -> RunReport:
    """Show the newest frames of a camera or stream with what the model finds, until q or Escape is pressed.

    Args:
        models: predictors by name; n and p in the window go to the next and the previous one.
        source: the number or the device of a camera, an address, or a video file, which plays like a camera.
        settings: where to and how.
        tell: is called with what the user should know before it begins.
        instead: what to do where there is no screen. Default: record a video until it is stopped.

    Returns:
        What came of it.

    Raises:
        BadInputError: the camera cannot be opened, or a result cannot be written.
        IncompleteInputError: the camera is gone; what was found until then is kept.
    """
    check_settings(settings)
    silence_opencv()
    reason = why_no_screen()
    if reason and instead is not None:
        tell(reason)
        return instead()
    if reason:
        tell(f"{reason}: the video is written to {settings.out} instead; Ctrl-C ends it")
    camera = Camera(source)
    settings.require_boxes_in(camera.size, camera.name)
    settings.out.mkdir(parents=True, exist_ok=True)
    models[0][1].schema.save(settings.out / SCHEMA_FILE)
    window = None if reason else Window()
    if window is not None:
        tell(window.words(len(models) > 1))
    return LiveRun(models, camera, settings, window).run()
