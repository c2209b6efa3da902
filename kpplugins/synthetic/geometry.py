"""The head of a cat as a few numbers, and the keypoints and outlines that follow from them.

Head units: half the width of the head is 1, the origin is its middle, x to the image's right, y down, z to the viewer.
'Left' is the image's left, as in the CAT files. These list the ears from the image's left to its right: left ear outer
base, tip, inner base; right ear inner base, tip, outer base.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KEYPOINT_NAMES = (
    "left_eye", "right_eye", "mouth",
    "left_ear_1", "left_ear_2", "left_ear_3",
    "right_ear_1", "right_ear_2", "right_ear_3",
)  # fmt: skip
LEFT, RIGHT = -1, 1

_EYE_DEPTH, _NOSE_DEPTH, _MOUTH_DEPTH = 0.74, 1.0, 0.96  # z; the nearer, the more a rotation moves them
_EYE_FACING = 0.4  # rad, how far the surface of an eye faces to the side
_EAR_SLIDE = -0.12  # rad along the head's outline per rad of yaw: ears sit behind the axis
_EAR_NARROWING = 0.45  # the ear turned away loses this share of its width per rad of yaw
_EAR_FORESHORTENING = 0.5  # share of an ear's length lost per rad of looking up
_CONTOUR_POINTS, _CURVE_POINTS = 72, 12


@dataclass(frozen=True)
class HeadShape:
    """All numbers that make one head, in head units and radians.

    Args:
        height: half the head's height.
        squareness: exponent of the superellipse; 2 is an ellipse.
        jaw: how much narrower the chin is than an ellipse, as a share.
        cheeks: how far the cheek fur stands out.
        eye: (x, y) of the right eye, looking straight ahead.
        eye_size: (half the width, half the height) of an eye.
        eye_open: 0-1, how far the upper lid is up.
        eye_tilt: how much the outer corner is raised.
        nose_y: height of the nose.
        nose_width: half the width of the nose.
        mouth_y: where the two lines of the mouth meet.
        muzzle: radius of the whisker pads.
        ear_outer: angle from straight up at which the outer base sits on the outline.
        ear_inner: the same for the inner base.
        ear_length: base to tip.
        ear_lean: (left, right) how far each ear leans outwards.
        ear_bulge: how round the sides of the ears are.
        yaw: rotation of the head to the image's right.
        pitch: how far the cat looks up.
    """

    height: float = 0.88
    squareness: float = 2.2
    jaw: float = 0.1
    cheeks: float = 0.05
    eye: tuple[float, float] = (0.41, -0.1)
    eye_size: tuple[float, float] = (0.19, 0.16)
    eye_open: float = 1.0
    eye_tilt: float = 0.15
    nose_y: float = 0.3
    nose_width: float = 0.13
    mouth_y: float = 0.5
    muzzle: float = 0.26
    ear_outer: float = 1.08
    ear_inner: float = 0.38
    ear_length: float = 0.75
    ear_lean: tuple[float, float] = (0.0, 0.0)
    ear_bulge: float = 0.1
    yaw: float = 0.0
    pitch: float = 0.0


def sample_shape(rng: np.random.Generator) -> HeadShape:
    """Draw the numbers of a random head.

    Args:
        rng: random generator.

    Returns:
        The shape, in head units and radians.
    """
    uniform = rng.uniform
    nose_y = uniform(0.24, 0.34)
    lean = uniform(-0.12, 0.3)
    return HeadShape(
        height=uniform(0.78, 1.0),
        squareness=uniform(1.95, 2.6),
        jaw=uniform(0.0, 0.25),
        cheeks=uniform(0.0, 0.14),
        eye=(uniform(0.35, 0.47), uniform(-0.2, 0.0)),
        eye_size=(uniform(0.14, 0.22), uniform(0.1, 0.19)),
        eye_open=uniform(0.3, 0.6) if rng.random() < 0.15 else uniform(0.8, 1.0),
        eye_tilt=uniform(0.0, 0.35),
        nose_y=nose_y,
        nose_width=uniform(0.09, 0.16),
        mouth_y=nose_y + uniform(0.17, 0.25),
        muzzle=uniform(0.22, 0.31),
        ear_outer=uniform(0.92, 1.2),
        ear_inner=uniform(0.25, 0.5),
        ear_length=uniform(0.5, 0.95),
        ear_lean=(lean + uniform(-0.12, 0.12), lean + uniform(-0.12, 0.12)),
        ear_bulge=uniform(0.02, 0.2),
        yaw=float(np.clip(rng.normal(0, 0.2), -0.48, 0.48)),
        pitch=float(np.clip(rng.normal(0, 0.12), -0.28, 0.28)),
    )


class Head:
    """One head seen from the front: its nine keypoints and its outlines, all (N, 2) in head units.

    Args:
        shape: the numbers of the head.

    Attributes:
        keypoints: (9, 2) in the order of ``KEYPOINT_NAMES``.
        contour: (M, 2) outline of the head without the ears; the ears' bases lie on it.
    """

    def __init__(self, shape: HeadShape):
        self.shape = shape
        self.contour = self._contour_at(np.linspace(-np.pi, np.pi, _CONTOUR_POINTS, endpoint=False))
        self._ears = {side: self._ear_points(side) for side in (LEFT, RIGHT)}
        outer, tip, inner = self._ears[LEFT]
        right = self._ears[RIGHT][::-1]
        eyes = [self.eye(LEFT), self.eye(RIGHT)]
        self.keypoints = np.stack([*eyes, self.mouth(), outer, tip, inner, *right])

    def project(self, points: np.ndarray) -> np.ndarray:
        """Rotate points on the face (N, 3) by yaw and pitch and drop the depth: (N, 2)."""
        x, y, z = np.moveaxis(np.asarray(points, dtype=float), -1, 0)
        yaw, pitch = self.shape.yaw, self.shape.pitch
        turned_z = z * np.cos(yaw) - x * np.sin(yaw)
        return np.stack([x * np.cos(yaw) + z * np.sin(yaw), y * np.cos(pitch) - turned_z * np.sin(pitch)], -1)

    def eye(self, side: int) -> np.ndarray:
        """Return the middle of one pupil, (2,)."""
        x, y = self.shape.eye
        return self.project(np.array([side * x, y, _EYE_DEPTH]))

    def mouth(self) -> np.ndarray:
        """Return the point where the two lines of the mouth meet under the nose, (2,)."""
        return self.project(np.array([0.0, self.shape.mouth_y, _MOUTH_DEPTH]))

    def on_muzzle(self, points: np.ndarray) -> np.ndarray:
        """Project (N, 2) points of the flat muzzle, as deep as nose and mouth: (N, 2)."""
        points = np.asarray(points, dtype=float)
        reach = (points[..., 1] - self.shape.nose_y) / (self.shape.mouth_y - self.shape.nose_y)
        depth = _NOSE_DEPTH + (_MOUTH_DEPTH - _NOSE_DEPTH) * np.clip(reach, 0, 2)
        return self.project(np.concatenate([points, depth[..., None]], -1))

    def eye_outline(self, side: int, grow: float = 1.0) -> np.ndarray:
        """Return the opening of one eye (N, 2), ``grow`` times as large; lowered where the lid is down."""
        turn = np.linspace(0, np.pi, _CURVE_POINTS)
        width, height = self._eye_size(side)
        across = np.cos(turn)
        upper = np.stack([across, -np.sin(turn) * self.shape.eye_open], -1)
        lower = np.stack([-across, np.sin(turn) ** 1.3], -1)
        flat = np.concatenate([upper, lower[1:-1]]) * (width, height) * grow
        return self.eye(side) + flat @ _rotation(-side * self.shape.eye_tilt).T

    def pupil(self, side: int, width: float, height: float) -> np.ndarray:
        """Return the outline of one pupil (N, 2); width and height are fractions of those of a wide-open eye."""
        turn = np.linspace(0, 2 * np.pi, 2 * _CURVE_POINTS, endpoint=False)
        circle = np.stack([np.cos(turn), np.sin(turn)], -1)
        return self.eye(side) + circle * self._eye_size(side) * (width, height)

    def ear_outline(self, side: int, inset: float = 0.0) -> np.ndarray:
        """Return the outline of one ear (N, 2), closed inside the head; ``inset`` 0-1 gives its hollow."""
        outer, tip, inner = self._ears[side]
        middle = (outer + inner) / 2
        if inset:
            outer, inner = outer + inset * (middle - outer), inner + inset * (middle - inner)
            tip = tip + inset * 0.7 * (middle - tip)
        bulge = self.shape.ear_bulge * float(np.linalg.norm(outer - inner))
        up_outer = _curve(outer, _bulged(outer, tip, middle, bulge), tip)
        down_inner = _curve(tip, _bulged(tip, inner, middle, bulge), inner)
        return np.concatenate([up_outer, down_inner[1:], (middle * 0.55)[None]])

    def _contour_at(self, angles: np.ndarray) -> np.ndarray:
        """Return outline points (N, 2) at angles from straight up, towards the image's right."""
        shape, power = self.shape, 2 / self.shape.squareness
        x = np.sign(np.sin(angles)) * np.abs(np.sin(angles)) ** power
        y = -np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** power
        below = np.clip(y, 0, 1)
        x = x * (1 - shape.jaw * below**2 + 4 * shape.cheeks * below * (1 - below))
        return np.stack([x, y * shape.height], -1)

    def _ear_points(self, side: int) -> np.ndarray:
        """Return the outer base, tip and inner base (3, 2) of one ear."""
        shape = self.shape
        middle, half = (shape.ear_outer + shape.ear_inner) / 2, (shape.ear_outer - shape.ear_inner) / 2
        half = half * (1 - _EAR_NARROWING * side * shape.yaw)
        angles = side * np.array([middle + half, middle - half]) + _EAR_SLIDE * shape.yaw
        outer, inner = self._contour_at(angles)
        lean = side * (middle * 0.45 + shape.ear_lean[0 if side == LEFT else 1])
        length = shape.ear_length * (1 - _EAR_FORESHORTENING * shape.pitch)
        tip = (outer + inner) / 2 + length * np.array([np.sin(lean), -np.cos(lean)])
        return np.stack([outer, tip, inner])

    def _eye_size(self, side: int) -> np.ndarray:
        """Return half the width and height (2,) of one eye, narrower when it faces away."""
        facing = side * _EYE_FACING
        return np.array(self.shape.eye_size) * (np.cos(facing + self.shape.yaw) / np.cos(facing), 1.0)


def ellipse(
    centre: np.ndarray, radii: tuple[float, float], angle: float = 0.0, points: int = 32
) -> np.ndarray:
    """Return an ellipse as a polygon.

    Args:
        centre: (2,) x, y.
        radii: (x, y) before the rotation.
        angle: rotation in radians, from x towards y.
        points: number of corners.

    Returns:
        (points, 2).
    """
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return np.asarray(centre) + np.stack([np.cos(turn), np.sin(turn)], -1) * radii @ _rotation(angle).T


def _rotation(angle: float) -> np.ndarray:
    """Return the (2, 2) rotation from x towards y."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _curve(start: np.ndarray, control: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Return a quadratic Bezier curve (N, 2) from start to end."""
    t = np.linspace(0, 1, _CURVE_POINTS)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end


def _bulged(start: np.ndarray, end: np.ndarray, inside: np.ndarray, by: float) -> np.ndarray:
    """Return a control point half-way from start to end, moved by ``by`` away from ``inside``."""
    along = end - start
    normal = np.array([along[1], -along[0]]) / max(float(np.linalg.norm(along)), 1e-9)
    away = np.sign(normal @ ((start + end) / 2 - inside)) or 1.0
    return (start + end) / 2 + away * by * normal
