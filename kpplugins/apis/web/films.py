"""Videos with what was found in them, as browsers play them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from kpplugins.apis.web.findings import Findings
from kpplugins.apis.web.pictures import drawn_on
from kpplugins.inference.live.recorder import Recorder

if TYPE_CHECKING:
    from kpplugins.inference.predictor import Predictor


def write_film(
    path: Path, findings: Findings, which: int, model: str, predictor: "Predictor", score_thr: float | None
) -> Iterator[tuple[int, int]]:
    """Draw what a model found in a video on its frames, and write them as WebM.

    Args:
        path: the file, which ends in ``.webm``.
        findings: of the model.
        which: index of the video.
        model: its name.
        predictor: the model.
        score_thr: see ``draw_pose``.

    Yields:
        How many frames are drawn, of how many.

    Raises:
        BadInputError: it cannot be written.
    """
    found = findings.found[model][which]
    times = found.times
    rate = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else None
    recorder = None
    for done, (result, frame) in enumerate(zip(found.results, found.frames, strict=True)):
        drawn = drawn_on(findings.image(which, frame, predictor), result, score_thr)
        recorder = recorder or Recorder(path, drawn.shape[1::-1], rate)
        recorder.write(cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR), times[done])
        if done % 10 == 0:
            yield done, len(times)
    if recorder is not None:
        recorder.close()
