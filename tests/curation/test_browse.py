import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpplugins.curation.browse import MASK_SIDE, TILE, browse, label_maps
from kpplugins.curation.convert import convert
from kpplugins.structures import BadInputError


@pytest.fixture(scope="module")
def folder(drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("browse") / "set"
    convert(drawn_cats, out, ratios=(60, 20, 20))
    return out


def test_one_sheet_of_five_with_masks(folder: Path, tmp_path: Path):
    paths, sizes = browse(folder, out=tmp_path)
    assert [p.name for p in paths] == ["browse_001.jpg"]
    assert sizes == {"train": 12, "val": 4, "test": 4}
    sheet = cv2.imread(str(paths[0]))
    assert sheet.shape == (3 * (TILE + 24), 2 * (2 * TILE + 4), 3)
    masks = sheet[24 : TILE + 18, TILE + 4 : 2 * TILE - 4]
    assert 0.001 < (masks.max(axis=2) > 128).mean() < 0.2  # a few dots on black


def test_all_on_pages_and_old_pages_go(drawn_cats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys.modules["kpplugins.curation.browse"], "PAGE", 8)
    paths, sizes = browse(drawn_cats, out=tmp_path, num=None, split="all", masks=False)
    assert [p.name for p in paths] == ["browse_001.jpg", "browse_002.jpg", "browse_003.jpg"]
    assert sizes == {"train": 12, "val": 4, "test": 4}  # CAT is divided 60:20:20 in sorted order
    assert cv2.imread(str(paths[0])).shape == (2 * (TILE + 24), 4 * (TILE + 4), 3)
    (tmp_path / "mine.jpg").write_bytes(b"x")
    browse(drawn_cats, out=tmp_path, num=2, columns=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["browse_001.jpg", "mine.jpg"]


def test_a_seed_chooses_and_none_takes_the_first(folder: Path, tmp_path: Path):
    def drawn(seed: int | None) -> bytes:
        return browse(folder, out=tmp_path, num=3, seed=seed)[0][0].read_bytes()

    assert drawn(1) == drawn(1) != drawn(2)
    assert drawn(None) == drawn(None)


def test_label_maps_by_hand():
    # the middle of a 256×64 image is (127.5, 31.5); at 128×128 it is (63.5, 63.5), rounded to even 64
    maps = label_maps(np.array([[[127.5, 31.5], [0, 0]]]), np.array([[True, False]]), 256, 64)
    assert maps.shape == (2, MASK_SIDE, MASK_SIDE) and maps.dtype == np.float32
    assert maps[1].max() == 0
    ys, xs = np.nonzero(maps[0])
    assert (xs.mean(), ys.mean()) == pytest.approx((64, 64))
    assert 8 <= np.ptp(xs) + 1 <= 12  # radius 2, thickness 2, and two pixels of blur on each side
    assert 0.5 < maps[0].max() <= 1


@given(st.floats(-20, 220), st.floats(-20, 120))
def test_a_map_is_where_its_point_is(x: float, y: float):
    maps = label_maps(np.array([[[x, y]]]), np.ones((1, 1), bool), 200, 100)
    assert maps.min() >= 0 and maps.max() <= 1
    if 0 <= x <= 199 and 0 <= y <= 99:
        row, column = np.unravel_index(int(maps[0].argmax()), maps[0].shape)
        assert abs(column - ((x + 0.5) * 0.64 - 0.5)) <= 3.6 and abs(row - ((y + 0.5) * 1.28 - 0.5)) <= 3.6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"split": "tset"}, "unknown split.*'tset'"),
        ({"num": 0}, "wrong num.*at least 1"),
        ({"columns": 0}, "wrong columns"),
    ],
)
def test_faults(folder: Path, tmp_path: Path, options: dict, words: str):
    with pytest.raises(BadInputError, match=words):
        browse(folder, out=tmp_path, **options)


def test_an_empty_split_and_an_undivided_source(kaggle_folder: Path, drawn_cats: Path, tmp_path: Path):
    convert(drawn_cats, tmp_path / "set", ratios=(80, 20, 0))
    with pytest.raises(BadInputError, match="test split has no images.*train: 16, val: 4, test: 0"):
        browse(tmp_path / "set", out=tmp_path / "out", split="test")
    paths, sizes = browse(kaggle_folder, out=tmp_path / "out")
    assert sizes == {"all": 30} and len(paths) == 1
    with pytest.raises(BadInputError, match="val split has no images.*all: 30"):
        browse(kaggle_folder, out=tmp_path / "out", split="val")


def test_a_broken_image(folder: Path, tmp_path: Path):
    import shutil

    shutil.copytree(folder, tmp_path / "set")
    image = next((tmp_path / "set/images").rglob("*.jpg"))
    image.write_bytes(b"\xff\xd8\xff\xe0 no jpeg \xff\xd9")
    with pytest.raises(BadInputError, match=image.name):
        browse(tmp_path / "set", out=tmp_path / "out", num=None, split="all")
