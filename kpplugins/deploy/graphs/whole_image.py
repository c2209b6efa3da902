"""The inputs and outputs of graphs that look at whole images."""

from kpplugins.deploy.graphs.port import Port
from kpplugins.deploy.graphs.top_down_graph import IMAGE

__all__ = ["BOXES", "IMAGE", "instances"]
BOXES = (
    Port(
        "boxes", ("N", 4), "float32", "x1, y1, x2, y2 in pixels of the image; the highest score comes first"
    ),
    Port("box_scores", ("N",), "float32", "how sure each box is"),
    Port("labels", ("N",), "int64", "index of each box's category in `classes`"),
)


def instances(num_keypoints: int) -> tuple[Port, ...]:
    """Return the outputs that belong to the boxes of a model that finds keypoints with them.

    Args:
        num_keypoints: K.

    Returns:
        ``keypoints`` and ``scores``.
    """
    return (
        Port("keypoints", ("N", num_keypoints, 2), "float32", "x, y in pixels of the image"),
        Port("scores", ("N", num_keypoints), "float32", "how sure each keypoint is"),
    )
