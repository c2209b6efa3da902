"""The keypoints of MPII Human Pose (Andriluka et al., CVPR 2014), and records of its persons.

Joints are numbered 0 to 15 (README of ``mpii_human_pose_v1_u12``). Positions count from 1, as MATLAB does, in the
published file and in the JSON files that others made of it; 1 is subtracted, as HRNet and MMPose do.

A person has a rough position and a scale, in units of 200 px of height, and no box. The box here is MMPose's
(``MpiiDataset``): a square of 200 · scale around the position moved down by 15 · scale.
"""

from dataclasses import dataclass, field

import numpy as np

from kpplugins.schema import KeypointSchema

MPII_SCHEMA = KeypointSchema(
    name="mpii",
    keypoints=(
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis", "thorax",
        "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow",
        "left_wrist",
    ),
    flip_pairs=tuple(
        (f"left_{part}", f"right_{part}") for part in ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
    ),
    skeleton=(
        ("right_ankle", "right_knee"), ("right_knee", "right_hip"), ("right_hip", "pelvis"), ("pelvis", "left_hip"),
        ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("pelvis", "thorax"), ("thorax", "upper_neck"),
        ("upper_neck", "head_top"), ("upper_neck", "right_shoulder"), ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"), ("upper_neck", "left_shoulder"), ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
    ),
    sigmas_source="default 0.05 for all: nobody has published repeated annotations of MPII",
)  # fmt: skip
JOINTS = MPII_SCHEMA.num_keypoints
_UNIT, _DOWN = 200.0, 15.0


@dataclass(frozen=True)
class Person:
    """One person as a file says it, positions still counted from 1.

    Attributes:
        points: ``(16, 3)`` x, y and visibility 0, 1 or 2; ``None`` if the person is not annotated.
        centre: ``(2,)`` rough position; ``None`` if it is not given.
        scale: height in units of 200 px; 0 if it is not given.
        head: whether there is a box of the head.
        where: the place in the file, for messages.
    """

    where: str
    points: np.ndarray | None = None
    centre: np.ndarray | None = None
    scale: float = 0.0
    head: bool = False


@dataclass
class Entry:
    """One image's persons.

    Attributes:
        name: of the image.
        where: the place in the file, for messages.
        persons: all that the file knows of.
        split: ``train`` or ``val``, where the file says so.
    """

    name: str
    where: str
    persons: list[Person] = field(default_factory=list)
    split: str = ""

    @property
    def labelled(self) -> bool:
        """Tell whether anyone in the image has keypoints."""
        return any(person.points is not None for person in self.persons)


def keypoints_of(person: Person) -> np.ndarray:
    """Return the keypoints of a person, counted from 0.

    Args:
        person: the person.

    Returns:
        ``(16, 3)`` x, y in pixels and visibility; zeros if the person has none.
    """
    if person.points is None:
        return np.zeros((JOINTS, 3))
    return np.where(person.points[:, 2:] > 0, person.points - [1, 1, 0], 0.0)


def square_of(person: Person) -> np.ndarray | None:
    """Return the box of a person.

    Args:
        person: the person.

    Returns:
        ``(4,)`` xyxy in pixels, counted from 0; ``None`` without position or scale.
    """
    if person.centre is None or not person.scale > 0:
        return None
    centre = person.centre - 1 + [0, _DOWN * person.scale]
    return np.concatenate([centre - _UNIT * person.scale / 2, centre + _UNIT * person.scale / 2])
