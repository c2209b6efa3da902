"""A function of your own for ``cvat-cli … auto-annotate --function-file cvat_function.py -p run=str:RUN``."""

from kpplugins.apis.annotation import cvat_function


def create(run: str, score_thr: float = 0.5) -> cvat_function.CvatFunction:
    """Load the model; keypoints below ``score_thr`` are outside, and boxes are left out."""
    return cvat_function.create(run, score_thr=score_thr, boxes=False)
