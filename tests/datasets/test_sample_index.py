import copy
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kpplugins.data import PoseRecord
from kpplugins.datasets.sample_index import SampleIndex, arrays_of, rows_of
from kpplugins.datasets.whole_samples import whole_image, whole_instance


def record(image: str, box: tuple, category: str = "cup", crowd: bool = False, shown: int = 2) -> PoseRecord:
    """In an image of 100×60, with two points of one visibility."""
    points = np.array([[10.0, 20, shown], [30, 40, shown]])
    return PoseRecord(
        Path(image),
        100,
        60,
        points,
        np.array(box, float),
        77.0,
        Path("a.json"),
        category=category,
        crowd=crowd,
    )


def index(
    records: list[PoseRecord],
    chosen: Sequence[int],
    kinds: list[str],
    images: bool,
    empty: Sequence[str] = (),
) -> SampleIndex:
    paths = [*dict.fromkeys(record.image for record in records), *map(Path, empty)]
    places = np.array([paths.index(record.image) for record in records], np.int64)
    return SampleIndex(arrays_of(rows_of(records, chosen, kinds), places, paths, kinds, images), images)


def test_instances_go_with_their_images_whatever_their_order():
    records = [
        record("a", (0, 0, 9, 9)),
        record("b", (1, 1, 9, 9), "jug"),
        record("a", (2, 2, 9, 9), crowd=True),
    ]
    small = index(records, [1], ["jug", "cup"], True, ["é"])
    a, b, c = (whole_image(s, 1, small.kinds) for s in small)
    assert [s["img_path"] for s in (a, b, c)] == ["a", "b", "é"]
    assert [s["img_id"] for s in (a, b, c)] == [1, 2, 3]
    assert (a["id"], b["id"]) == ([1, 3], [2])
    assert (a["category_id"].tolist(), b["category_id"].tolist()) == ([2, 2], [1])
    assert a["iscrowd"].tolist() == [0, 1]
    assert a["keypoints"].tolist() == [[[30, 40]], [[30, 40]]]  # the second point was chosen
    assert a["raw_ann_info"][1] == {
        "id": 3, "image_id": 1, "category_id": 2, "category": "cup", "iscrowd": 1, "area": 77.0,
        "bbox": [2.0, 2.0, 7.0, 7.0], "keypoints": [30.0, 40.0, 2.0], "num_keypoints": 1,
    }  # fmt: skip
    assert c["raw_ann_info"] == []


def test_a_background_has_empty_arrays_of_the_same_kind():
    full, empty = (
        whole_image(s, 2, ["cup"]) for s in index([record("a", (0, 0, 9, 9))], [0, 1], ["cup"], True, ["c"])
    )
    for key, value in full.items():
        if isinstance(value, np.ndarray):
            assert (empty[key].shape, empty[key].dtype) == ((0, *value.shape[1:]), value.dtype), key
            assert empty[key].flags.writeable


def test_a_sample_of_an_instance():
    small = index([record("a", (0, 0, 9, 9)), record("b", (1, 2, 9, 9), shown=1)], [0, 1], ["cup"], False)
    whole = whole_instance(small[1], 2, ["cup"])
    assert (whole["id"], whole["img_id"], whole["img_path"], whole["num_keypoints"]) == (2, 2, "b", 2)
    assert whole["bbox"].tolist() == [[1, 2, 9, 9]]
    assert whole["keypoints"].tolist() == [[[10, 20], [30, 40]]]
    assert whole["keypoints_visible"].tolist() == [[1, 1]]
    assert whole["raw_ann_info"]["keypoints"] == [10, 20, 1, 30, 40, 1]
    assert whole["keypoints"].flags.writeable


def test_parts_share_the_arrays():
    whole = index([record(str(i), (0, 0, 9, 9)) for i in range(10)], [0], ["cup"], False)
    names = [s["img_path"] for s in whole[3:8][::2]]
    assert names == ["3", "5", "7"] == [s["img_path"] for s in whole.take([3, 5, -3])]
    assert whole[-1]["img_path"] == "9" == whole[5:][-1]["img_path"]
    assert len(whole.take([])) == 0 and whole[2:].arrays is whole.arrays is copy.deepcopy(whole).arrays
    assert [s["img_path"] for s in pickle.loads(pickle.dumps(whole[7:]))] == ["7", "8", "9"]
