"""The drawn cats: same seed same bytes, the layout of the real set, and points that are where they are drawn."""

import hashlib
import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

from kpplugins.structures import BadInputError  # noqa: E402
from kpplugins.synthetic import render_cat, write_sample_cats  # noqa: E402
from kpplugins.synthetic.canvas import Canvas  # noqa: E402
from kpplugins.synthetic.cat import draw_cat  # noqa: E402
from kpplugins.synthetic.face import PUPIL, Face, draw_eyes, draw_nose_and_mouth  # noqa: E402
from kpplugins.synthetic.fur import Coat  # noqa: E402
from kpplugins.synthetic.geometry import KEYPOINT_NAMES, LEFT, RIGHT, Head, HeadShape  # noqa: E402
from kpplugins.synthetic.marker import is_drawn  # noqa: E402
from kpplugins.synthetic.placement import Placement  # noqa: E402

SIZE = (320, 300)  # (w, h) of the images drawn here from known numbers
POSES = {
    "frontal": (HeadShape(), 0.0),
    "turned": (HeadShape(yaw=0.4, pitch=-0.2, ear_lean=(0.2, -0.1)), 0.5),
    "looking away": (HeadShape(yaw=-0.4, pitch=0.2, ear_length=0.6), -0.7),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("cats") / "set"
    assert write_sample_cats(out, 16, seed=3) == 16
    return out


@pytest.fixture(params=POSES, ids=str)
def posed(request) -> tuple[Head, Placement, np.ndarray]:
    shape, angle = POSES[request.param]
    head, place = Head(shape), Placement(80.0, angle, (160.3, 165.8))
    return head, place, place.apply(head.keypoints)


def blank(level: int = 128) -> Canvas:
    return Canvas(np.full((SIZE[1], SIZE[0], 3), level, np.uint8))


def digests(out: Path) -> dict[str, str]:
    return {p.relative_to(out).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files(out)}


def files(out: Path) -> list[Path]:
    return sorted(p for p in out.rglob("*") if p.is_file())


def by_name(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in files(out) if p.name != "README.txt"}


# --- the files ---------------------------------------------------------------------------------------------------


def test_same_seed_same_bytes(written, tmp_path):
    write_sample_cats(tmp_path / "again", 16, seed=3)
    assert digests(tmp_path / "again") == digests(written)


def test_a_image_depends_on_seed_and_index_only(written, tmp_path):
    write_sample_cats(tmp_path / "few", 5, seed=3)
    few, many = by_name(tmp_path / "few"), by_name(written)
    assert len(few) == 10
    assert few == {name: many[name] for name in few}


def test_another_seed_gives_other_images(written, tmp_path):
    write_sample_cats(tmp_path / "other", 3, seed=4)
    other, first = by_name(tmp_path / "other"), by_name(written)
    assert all(other[name] != first[name] for name in other)


def test_layout_is_that_of_the_real_set(written):
    images = sorted(written.rglob("*.jpg"))
    assert [p.name for p in images] == [f"{i:08d}_000.jpg" for i in range(16)]  # in order over the folders
    counts = {f.name: len(list(f.glob("*.jpg"))) for f in sorted(written.iterdir()) if f.is_dir()}
    assert list(counts) == [f"CAT_{i:02d}" for i in range(7)]
    assert set(counts.values()) == {2, 3}  # 16 over 7
    assert {p.name for p in files(written)} == {"README.txt", *(p.name for p in images)} | {
        p.name + ".cat" for p in images
    }


def test_cat_files_have_nine_points_inside_the_image(written):
    for path in sorted(written.rglob("*.jpg")):
        text = path.with_name(path.name + ".cat").read_text()
        assert text.endswith(" ") and "\n" not in text  # as the real files
        numbers = [int(word) for word in text.split()]
        assert len(numbers) == 19 and numbers[0] == len(KEYPOINT_NAMES) == 9
        points = np.array(numbers[1:]).reshape(9, 2)
        height, width = cv2.imread(str(path)).shape[:2]
        assert (points >= 0).all() and (points < (width, height)).all()


def test_readme_says_drawn(written):
    text = (written / "README.txt").read_text()
    assert "drawn by a program" in text and "not photographs" in text and "real cats" in text
    assert "16 images, seed 3" in text and "version 1" in text
    assert is_drawn(written)


def test_progress_counts_up(tmp_path):
    seen = []
    write_sample_cats(tmp_path / "set", 3, seed=0, progress=lambda done, num: seen.append((done, num)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


# --- refusing, failing -------------------------------------------------------------------------------------------


def test_refuses_a_folder_with_something_in_it(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "keep.txt").write_text("keep")
    with pytest.raises(BadInputError, match=r"mine.* has files in it.*give a new folder"):
        write_sample_cats(tmp_path / "mine", 2, seed=0)
    assert [p.name for p in files(tmp_path)] == ["keep.txt"]


def test_refuses_a_file(tmp_path):
    (tmp_path / "file").write_text("keep")
    with pytest.raises(BadInputError, match="is a file"):
        write_sample_cats(tmp_path / "file", 2, seed=0)


def test_takes_an_empty_folder_and_makes_those_above(tmp_path):
    (tmp_path / "empty").mkdir()
    assert write_sample_cats(tmp_path / "empty", 1, seed=0) == 1
    assert write_sample_cats(tmp_path / "a" / "b", 1, seed=0) == 1
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("num", "seed", "says"), [(0, 0, "found 0"), (-2, 0, "found -2"), (1, -1, "seed.*found -1")]
)
def test_refuses_numbers_that_make_no_sense(tmp_path, num, seed, says):
    with pytest.raises(BadInputError, match=says):
        write_sample_cats(tmp_path / "set", num, seed)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_half_way_leaves_nothing_behind(tmp_path, monkeypatch, error):
    writer = importlib.import_module("kpplugins.synthetic.writer")
    calls = []

    def failing(rng):
        calls.append(1)
        if len(calls) == 3:
            raise error("half-way")
        return render_cat(rng)

    monkeypatch.setattr(writer, "render_cat", failing)
    with pytest.raises(error):
        write_sample_cats(tmp_path / "set", 6, seed=0)
    assert len(calls) == 3 and list(tmp_path.iterdir()) == []


# --- the images ------------------------------------------------------------------------------------------------


def test_points_are_inside_and_in_the_order_of_the_real_set():
    for index in range(40):
        image, points = render_cat(np.random.default_rng([5, index]))
        height, width = image.shape[:2]
        assert image.dtype == np.uint8 and image.ndim == 3 and points.shape == (9, 2)
        assert (points >= 2).all() and (points <= np.array([width, height]) - 3).all()
        assert min(width, height) >= 140 and max(width, height) <= 500
        # Turned by at most 45 degrees: along the line between the eyes, everything runs from left to right.
        across = points @ (points[1] - points[0])
        assert across[0] < across[2] < across[1]  # left eye, mouth, right eye
        assert across[3] < across[5] < across[6] < across[8]  # outer, inner, inner, outer base


def test_degrading_moves_nothing():
    clean, points = render_cat(np.random.default_rng(8), degrade=False)
    rough, same = render_cat(np.random.default_rng(8))
    assert np.array_equal(points, same) and clean.shape == rough.shape
    assert not np.array_equal(clean, rough)


def test_pupils_are_drawn_at_the_eye_points(posed):
    head, place, points = posed
    canvas = blank(255)
    draw_eyes(canvas, head, place, Face(irises=((60, 170, 190),) * 2, rim=1.0, glint=False))
    image = canvas.finish().astype(float)
    darkness = np.clip(60 - np.abs(image - PUPIL).max(axis=2), 0, None)
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    for eye in points[:2]:
        weight = darkness * (np.hypot(x - eye[0], y - eye[1]) < 14)
        centroid = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()
        assert np.abs(centroid - eye).max() < 0.3


def test_lines_of_the_mouth_meet_at_the_mouth_point(posed):
    head, place, points = posed
    canvas = blank(255)
    draw_nose_and_mouth(canvas, head, place, Face(irises=((0, 0, 0),) * 2))
    image = canvas.finish()
    x, y = np.rint(points[2]).astype(int)
    assert image[y - 1 : y + 2, x - 1 : x + 2].max() < 160  # the crossing is dark ...
    below = np.rint(place.apply(head.on_muzzle(np.array([0.0, head.shape.mouth_y + 0.07])))).astype(int)
    assert image[below[1], below[0]].min() == 255  # ... and just under it is nothing


@pytest.mark.parametrize("side", [LEFT, RIGHT])
def test_ears_end_at_their_tips_and_stand_on_their_bases(posed, side):
    head, place, points = posed
    outer, tip, inner = points[[3, 4, 5]] if side == LEFT else points[[8, 7, 6]]
    canvas = blank(0)
    canvas.fill(place.apply(head.ear_outline(side)), (255, 255, 255))
    canvas.fill(place.apply(head.contour), (90, 90, 90))
    image = canvas.finish()[..., 0]
    drawn = np.argwhere(image > 170)[:, ::-1].astype(float)  # (x, y) of what shows of the ear
    away = (tip - (outer + inner) / 2) / np.linalg.norm(tip - (outer + inner) / 2)
    farthest = drawn[np.argmax(drawn @ away)]
    assert np.linalg.norm(farthest - tip) < 2.5  # px; a sharp tip fades before its end
    for base in (outer, inner):
        near = np.linalg.norm(drawn - base, axis=1)
        assert near.min() < 3.0  # the ear reaches its base, a wedge that starts thinner than a pixel ...
        x, y = np.rint(base).astype(int)
        patch = image[y - 3 : y + 4, x - 3 : x + 4]
        assert (patch < 60).any() and (
            np.abs(patch.astype(int) - 90) < 5
        ).any()  # ... where head and outside meet


def test_the_whole_cat_has_dark_pupils_at_its_eye_points(posed):
    head, place, points = posed
    canvas = blank(255)
    white = (235.0, 235.0, 235.0)
    coat = Coat("plain", white, white, white, bib=0.0, length=0.05)
    face = Face(irises=((60, 170, 190),) * 2, whiskers=0, glint=False)
    draw_cat(canvas, np.random.default_rng(0), head, place, coat, face)
    image = canvas.finish()
    for x, y in np.rint(points[:2]).astype(int):
        assert image[y, x].max() < 40


def test_importing_needs_no_opencv():
    code = (
        "import sys; sys.modules['cv2'] = None\n"
        "import importlib.util as u, kpplugins.synthetic as s\n"
        "assert 'write_sample_cats' in s.__all__"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    package = importlib.import_module("kpplugins.synthetic")
    with pytest.raises(AttributeError, match="it offers render_cat, write_sample_cats"):
        _ = package.render_dog
