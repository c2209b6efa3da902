"""A predictor in a video: the frame before helps, instances are numbered, and keypoints are smoothed."""

from typing import TYPE_CHECKING

from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.inference.tracking.smoother import Smoother
from kpplugins.inference.tracking.tracker import Tracker
from kpplugins.inference.video.frame import Frame

if TYPE_CHECKING:
    from kpplugins.inference.pose_result import PoseResult
    from kpplugins.inference.predictor import Predictor

SEARCH_EVERY = 5
"""While the keypoints are lost, one frame in this many is searched as a whole."""


class Follower:
    """Predicts on the frames of one video, in their order.

    Args:
        predictor: of any kind of model.
        settings: ``boxes``, ``track``, ``smooth`` and ``score_thr`` matter here.
        fps: frames per second, if known.

    Attributes:
        predictor: as given.
        smoother: what smooths the keypoints, or ``None``.
    """

    def __init__(self, predictor: "Predictor", settings: RunSettings, fps: float | None = None) -> None:
        self.predictor, self.settings = predictor, settings
        self.tracker = Tracker(settings.track, fps) if settings.track is not None else None
        self.smoother = Smoother(settings.score_thr) if settings.smooth else None
        self._before: PoseResult | None = None
        self._seen = 0

    def __call__(self, frame: Frame) -> "PoseResult":
        """Find the keypoints in the next frame.

        Args:
            frame: the frame.

        Returns:
            N instances in its pixels, with track ids if they are wanted.
        """
        if self.settings.boxes is not None:
            result = self.predictor(frame.image, self.settings.boxes)
        else:
            search = self._seen % SEARCH_EVERY == 0
            result = self._before = self.predictor.follow(frame.image, self._before, search)
        self._seen += 1
        result = result if self.tracker is None else self.tracker(result)
        return result if self.smoother is None else self.smoother(result, frame.time)

    @property
    def notes(self) -> list[str]:
        """Return what smoothing did, in words."""
        if self.smoother is None:
            return []
        before, after = self.smoother.jitter
        return [
            f"smoothed: jitter {before:.2f} → {after:.2f} px (mean second difference), "
            f"keypoints moved by {self.smoother.moved:.2f} px"
        ]
