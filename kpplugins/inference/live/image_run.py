"""Predict on images: one drawing and one JSON file each, and all of them together."""

import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from kpplugins.data.images import write_image
from kpplugins.formats.frames.frame_log import SUFFIX, FrameLog, head_of
from kpplugins.formats.frames.outputs import write_outputs
from kpplugins.inference.live.pipeline import Pipeline
from kpplugins.inference.live.run_report import RunReport
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text
from kpplugins.visualization.draw import draw_pose

if TYPE_CHECKING:
    from kpplugins.inference.pose_result import PoseResult
    from kpplugins.inference.predictor import Predictor

logger = logging.getLogger(__name__)
TOGETHER = "predictions"
"""Name of the files that hold the results for all images."""
_DRAWN = (".jpg", ".jpeg", ".png")
"""Endings that a drawing shares with its image; others become JPEG."""
BATCH_SIZE = 8


def predict_images(
    predictor: "Predictor", files: Sequence[Path], names: Sequence[str], settings: RunSettings
) -> RunReport:
    """Draw what is found in each image, and write it beside the drawing and as one line of ``predictions.jsonl``.

    An image that cannot be used is told, and does not stop the others.

    Args:
        predictor: of any kind of model.
        files: the images.
        names: of their results, without ending.
        settings: where to and how.

    Returns:
        What came of it.

    Raises:
        BadInputError: a result cannot be written, or the predictions are not finite.
    """
    report, begun = RunReport(), time.perf_counter()
    source = str(files[0].parent) if len({file.parent for file in files}) == 1 else "images"
    log = FrameLog(settings.out / f"{TOGETHER}{SUFFIX}", head_of(predictor.schema, source, "images"))
    keep = _Keeper(predictor, settings)
    predicted = _predicted(predictor, files, names, settings)
    bar = tqdm(total=len(files), desc="images", unit="image", disable=None)
    try:
        with logging_redirect_tqdm(), bar, Pipeline(predicted, [keep]) as pipeline:
            for i, (line, written, fault) in enumerate(pipeline):
                log.add({"frame": i, **line})
                report.written += written
                if fault is not None:
                    report.faults.append(fault)
                    logger.warning("bad: %s", fault)
                bar.update()
        log.close(faults=len(report.faults))
    finally:
        log.abandon()
        report.frames = log.frames - len(report.faults)
        report.written += [log.path, *write_outputs(log.path, settings.formats)]
        report.seconds = time.perf_counter() - begun
        if sys.exc_info()[0] is not None:
            logger.warning("ended early: %s", report.words)
    return report


def _predicted(
    predictor: "Predictor", files: Sequence[Path], names: Sequence[str], settings: RunSettings
) -> Iterator[tuple[Path, str, "PoseResult"]]:
    boxes = None if settings.boxes is None else [settings.boxes] * len(files)
    found = predictor.predict(files, boxes, batch_size=BATCH_SIZE, skip_bad=True)
    yield from zip(files, names, found, strict=True)


class _Keeper:
    """Draws and writes what was found in one image."""

    def __init__(self, predictor: "Predictor", settings: RunSettings) -> None:
        self.predictor, self.settings = predictor, settings

    def __call__(
        self, found: tuple[Path, str, "PoseResult"]
    ) -> tuple[dict[str, Any], list[Path], BadInputError | None]:
        """Return the image's line, the files, and the fault that is in their place."""
        file, name, result = found
        facts: dict[str, Any] = {"image": file.name, "file": str(file)}
        if result.fault is not None:
            return {**facts, "fault": str(result.fault)}, [], result.fault
        image = self.predictor.read(file)
        height, width = image.shape[:2]
        try:
            self.settings.require_boxes_in((width, height), str(file))
        except BadInputError as fault:
            return {**facts, "fault": str(fault)}, [], fault
        size = {"width": width, "height": height}
        content = {**result.to_dict(), "image": file.name, **size}
        written = []
        if "json" in self.settings.formats:
            written.append(self.settings.out / f"{name}.json")
            replace_text(written[0], json.dumps(content, indent=1, allow_nan=False) + "\n")
        ending = file.suffix if file.suffix.lower() in _DRAWN else ".jpg"
        written.append(self.settings.out / f"{name}{ending}")
        settings = self.settings
        drawn = draw_pose(image, result, self.predictor.schema, settings.score_thr, radii=settings.radii)
        write_image(written[-1], drawn)
        return {**facts, **size, "instances": content["instances"]}, written, None
