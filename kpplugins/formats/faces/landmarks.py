"""Names, flip pairs and outlines of the keypoints of faces as 300-W, WFLW and OpenPose number them.

All three go through the face in the same order: the jaw from the subject's right ear to the left one, the right and
the left eyebrow, the bridge and the base of the nose, the right and the left eye, the outer and the inner lips. They
publish numbers only. Names here end in a number that grows from the outer end of each part, so that partners have the
same one: ``right_eyebrow_1`` and ``left_eyebrow_1`` are the outer ends. Right and left are the subject's.
"""

from collections.abc import Sequence
from itertools import pairwise

from kpplugins.schema import KeypointSchema

_BRIDGE = tuple(f"nose_bridge_{i}" for i in (1, 2, 3, 4))
_BASE = ("right_nostril_1", "right_nostril_2", "nose_base", "left_nostril_2", "left_nostril_1")
_OUTER_LIPS = (
    "right_mouth_corner", "right_upper_lip_1", "right_upper_lip_2", "upper_lip", "left_upper_lip_2",
    "left_upper_lip_1", "left_mouth_corner", "left_lower_lip_1", "left_lower_lip_2", "lower_lip",
    "right_lower_lip_2", "right_lower_lip_1",
)  # fmt: skip
_INNER_LIPS = (
    "right_inner_corner", "right_inner_upper_lip", "inner_upper_lip", "left_inner_upper_lip",
    "left_inner_corner", "left_inner_lower_lip", "inner_lower_lip", "right_inner_lower_lip",
)  # fmt: skip


def face_schema(
    name: str, *, jaw: int, eyebrow: int, eye: int, pupils: bool, prefix: str = ""
) -> KeypointSchema:
    """Build the schema of a face.

    Args:
        name: of the keypoint set.
        jaw: keypoints of one half of the jaw, without the chin.
        eyebrow: keypoints of an eyebrow; the first five are its upper edge, from the outer end to the inner one.
        eye: keypoints of an eye, from the outer corner over the upper lid.
        pupils: whether the pupils come last.
        prefix: of all names.

    Returns:
        The schema; its lines are the outlines of the parts.
    """
    side = [f"right_jaw_{i}" for i in range(1, jaw + 1)]
    outline = [*side, "chin", *map(_left, reversed(side))]
    brows = _both("eyebrow", eyebrow, 5)
    eyes = _both("eye", eye, eye // 2 + 1)
    names = [*outline, *brows[0], *brows[1], *_BRIDGE, *_BASE, *eyes[0], *eyes[1], *_OUTER_LIPS, *_INNER_LIPS]
    names += ["right_pupil", "left_pupil"] if pupils else []
    lines = [*pairwise(outline), *pairwise(_BRIDGE), *pairwise(_BASE)]
    for brow in brows:
        lines += _ring(brow) if eyebrow > 5 else pairwise(brow)
    for ring in (*eyes, _OUTER_LIPS, _INNER_LIPS):
        lines += _ring(ring)
    return KeypointSchema(
        name=name,
        keypoints=tuple(prefix + n for n in names),
        flip_pairs=tuple((prefix + _left(n), prefix + n) for n in names if n.startswith("right_")),
        skeleton=tuple((prefix + a, prefix + b) for a, b in lines),
        sigmas_source="default 0.05 for all: no repeated annotations of this set are published",
    )


def _left(name: str) -> str:
    return name.replace("right_", "left_", 1)


def _both(part: str, count: int, inner: int) -> tuple[list[str], list[str]]:
    """Return the names on both sides in the order of the files, which go through both from left to right as seen.

    The right one is numbered as it comes, from the outer end over the ``inner`` one; the left one begins at the inner.
    """
    right = [f"right_{part}_{i}" for i in range(1, count + 1)]
    order = [*range(inner, 0, -1), *range(count, inner, -1)]
    return right, [f"left_{part}_{i}" for i in order]


def _ring(names: Sequence[str]) -> list[tuple[str, str]]:
    return [*pairwise(names), (names[-1], names[0])]
