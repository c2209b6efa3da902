"""COCO's persons from the downloaded folder; the same ones as from their crops."""

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.dataset import Compose
from mmpose.registry import TRANSFORMS

import kpplugins.register  # noqa: F401
from kpplugins.config.load import datasets_of, load_config
from kpplugins.curation.crop import crop
from kpplugins.data.coco.schema import schema_of_file
from kpplugins.datasets.coco_person_dataset import LOWER_BODY, PERSON_SCHEMA, CocoPersonDataset
from kpplugins.schema.from_names import COCO_SIGMAS
from kpplugins.structures import BadInputError

WIDTH, HEIGHT = 260, 240


def person(box: list[float], labelled: int = 17, **more: object) -> dict:
    """A person whose first points are labelled, spread over the box."""
    x, y, w, h = box
    places = np.linspace(0.1, 0.9, 17)
    points = [
        [round(x + w * (t * t)), round(y + h * t), 1 + k % 2] if k < labelled else [0, 0, 0]
        for k, t in enumerate(places)
    ]
    return {
        "bbox": box, "area": w * h / 2, "iscrowd": 0, "keypoints": [v for p in points for v in p],
        "num_keypoints": labelled, **more,
    }  # fmt: skip


PERSONS = {
    "train": [
        person([100, 90, 40, 80]),
        person([20, 30, 60, 60], 5),
        person([150, 100, 60, 40], 1),
        person([10, 10, 50, 90], 0),
        person([5, 5, 200, 100], 0, iscrowd=1),
    ],
    "val": [person([110, 100, 50, 60]), person([90.4, 80.7, 70.2, 90.9], 12)],
}


def write(root: Path, split: str, persons: list[dict], names: list[str] | None = None) -> Path:
    """A COCO split: one smooth coloured image with those persons; returns the annotation file."""
    (root / f"{split}2017").mkdir(parents=True, exist_ok=True)
    (root / "annotations").mkdir(exist_ok=True)
    rng = np.random.default_rng(len(split))
    noise = rng.integers(0, 256, (HEIGHT // 10, WIDTH // 10, 3), dtype=np.uint8)
    cv2.imwrite(str(root / f"{split}2017/000000000009.png"), cv2.resize(noise, (WIDTH, HEIGHT)))
    content = {
        "images": [{"id": 9, "file_name": "000000000009.png", "width": WIDTH, "height": HEIGHT}],
        "categories": [{"id": 1, "name": "person", "keypoints": names or list(COCO_SIGMAS), "skeleton": []}],
        "annotations": [{"id": i, "image_id": 9, "category_id": 1, **p} for i, p in enumerate(persons, 1)],
    }
    file = root / f"annotations/person_keypoints_{split}2017.json"
    file.write_text(json.dumps(content))
    return file


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    for split, persons in PERSONS.items():
        write(tmp_path / "coco", split, persons)
    return tmp_path / "coco"


def val_input(root: Path, split: str = "val") -> tuple[list[dict], list[np.ndarray]]:
    """Samples of a split after a validation pipeline, and their images of 64×64."""
    steps = [
        {"type": "LoadImage"}, {"type": "GetBBoxCenterScale"},
        {"type": "TopdownAffine", "input_size": (64, 64), "use_udp": True},
    ]  # fmt: skip
    built = [TRANSFORMS.build(step) for step in steps]
    samples = list(CocoPersonDataset(str(root), split, test_mode=True, pipeline=built))
    return samples, [s["img"].astype(int) for s in samples]


def test_labelled_persons_are_taken_and_the_others_are_counted(coco: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        dataset = CocoPersonDataset(str(coco), "train")
    assert [int(s["num_keypoints"]) for s in dataset] == [17, 5, 1]
    assert "left out of 5 instances: 1 that have none of the chosen keypoints, 1 crowds" in caplog.text
    assert dataset[0]["bbox"].tolist() == [[100, 90, 140, 170]]
    assert dataset[0]["keypoints"].shape == (1, 17, 2)
    assert dataset.metainfo["sigmas"].tolist() == pytest.approx(list(COCO_SIGMAS.values()))


def test_the_same_persons_from_their_crops(coco: Path, tmp_path: Path):
    crop(coco, tmp_path / "crops", quality=None)
    for split in ("train", "val"):
        whole, cut = (CocoPersonDataset(str(root), split) for root in (coco, tmp_path / "crops"))
        assert len(whole) == len(cut) == sum(p["num_keypoints"] > 0 for p in PERSONS[split])
        for a, b in zip(whole, cut, strict=True):
            assert Path(b["img_path"]).name.startswith(Path(a["img_path"]).stem + "_")
            assert b["area"] == a["area"]
            assert b["keypoints_visible"].tolist() == a["keypoints_visible"].tolist()
            size = [box[2:] - box[:2] for box in (a["bbox"][0], b["bbox"][0])]
            assert np.allclose(*size, atol=2e-3)
            seen = a["keypoints_visible"][0] > 0
            in_box = [(s["keypoints"][0] - s["bbox"][0, :2])[seen] for s in (a, b)]
            assert np.allclose(*in_box, atol=2e-3)


def test_square_crops_are_the_same_to_the_network(coco: Path, tmp_path: Path):
    crop(coco, tmp_path / "crops", square=True, quality=None)
    whole, expected = val_input(coco)
    cut, found = val_input(tmp_path / "crops")
    for a, b, x, y in zip(whole, cut, expected, found, strict=True):
        assert abs(x - y).max() <= 3  # rounding of the box in the file
        seen = a["keypoints_visible"][0] > 0
        assert np.allclose(
            a["transformed_keypoints"][0][seen], b["transformed_keypoints"][0][seen], atol=0.01
        )


def test_default_crops_are_the_same_to_the_network_where_they_reach(coco: Path, tmp_path: Path):
    """A box w by h with w < h shows w + 0.25·h of its square's 1.25·h; what is beside it is black."""
    crop(coco, tmp_path / "crops", quality=None)
    _, expected = val_input(coco)
    _, found = val_input(tmp_path / "crops")
    for sample, x, y in zip(PERSONS["val"], expected, found, strict=True):
        w, h = sample["bbox"][2:]
        half = int(32 * (w + 0.25 * h) / (1.25 * h)) - 1
        assert abs(x - y)[:, 32 - half : 32 + half].max() <= 3
        assert not y[:, : 32 - half - 3].any()
        assert x[:, : 32 - half - 3].any()


def test_half_bodies_follow_the_chosen_points(coco: Path):
    sample = CocoPersonDataset(str(coco), "train")[0]
    assert sample["upper_body_ids"] == list(range(11))
    assert sample["lower_body_ids"] == list(range(11, 17))
    names = ["left_knee", "nose", "right_hip"]
    sample = CocoPersonDataset(str(coco), "train", keypoints=names)[0]
    assert (sample["upper_body_ids"], sample["lower_body_ids"]) == ([1], [0, 2])
    assert set(LOWER_BODY) == set(PERSON_SCHEMA.keypoints[11:])


def test_fewest_points_count_in_training_only(coco: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert len(CocoPersonDataset(str(coco), "train", min_keypoints=5)) == 2
    assert "left out of 5 instances: 1 with fewer than 5 labelled keypoints" in caplog.text
    assert len(CocoPersonDataset(str(coco), "train", min_keypoints=5, test_mode=True)) == 3
    # the person with five points has no ankles at all: it is unlabelled, not one of too few
    assert len(CocoPersonDataset(str(coco), "train", min_keypoints=2, keypoints=list(LOWER_BODY))) == 1


def test_test_means_val_unless_its_labels_are_there(coco: Path, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        assert len(CocoPersonDataset(str(coco), "test")) == 2
    assert "no labelled test images: testing on val" in caplog.text
    write(coco, "test", [])
    assert len(CocoPersonDataset(str(coco), "test")) == 2
    write(coco, "test", [person([10, 10, 50, 90])])
    assert len(CocoPersonDataset(str(coco), "test")) == 1


def test_an_annotation_file_can_be_named(coco: Path):
    file = "annotations/person_keypoints_val2017.json"
    for name in (file, str(coco / file)):
        assert len(CocoPersonDataset(str(coco), "train", ann_file=name)) == 2


def test_points_in_another_order_are_sorted(tmp_path: Path):
    write(tmp_path, "train", [person([100, 90, 40, 80])])
    ordered = CocoPersonDataset(str(tmp_path), "train")[0]["keypoints"]
    write(tmp_path, "train", [person([100, 90, 40, 80])], names=list(COCO_SIGMAS)[::-1])
    turned = CocoPersonDataset(str(tmp_path), "train")[0]["keypoints"]
    assert turned.tolist() == ordered[:, ::-1].tolist()


@pytest.mark.parametrize(
    ("persons", "options", "words"),
    [
        ([person([1, 1, 9, 9])], {"split": "all"}, "unknown split; expected train, val or test; found 'all'"),
        ([person([1, 1, 9, 9])], {"min_keypoints": 0}, "min_keypoints: out of range"),
        (
            [person([1, 1, 9, 9])],
            {"split": "val"},
            "no annotations of the val split; expected person_keypoints",
        ),
        ([person([1, 1, 9, 9])], {"split": "test"}, "no annotations of the test split"),
        ([person([1, 1, 9, 9])], {"ann_file": "gone.json"}, r"gone\.json: annotation is missing"),
        ([person([1, 1, 9, 9])], {"keypoints": ["tail"]}, "unknown keypoint 'tail'"),
        ([person([1, 1, 9, 9], 0)], {}, r"train2017\.json: no labelled persons; found 1 boxes without"),
        ([person([1, 1, -2, 9])], {}, "annotation 1: bbox must be.*positive size"),
        ([], {}, "no labelled persons"),
    ],
)
def test_faults_are_one_line(tmp_path: Path, persons: list, options: dict, words: str):
    write(tmp_path, "train", persons)
    with pytest.raises(BadInputError, match=words) as caught:
        CocoPersonDataset(str(tmp_path), **options)
    assert "\n" not in str(caught.value)


def test_other_keypoints_are_refused(tmp_path: Path):
    write(tmp_path, "train", [], names=["head", "tail"])
    with pytest.raises(BadInputError, match="not COCO's persons; expected the keypoints nose.*Custom"):
        CocoPersonDataset(str(tmp_path))


def test_the_config_trains_with_half_bodies(root: Path):
    cfg = load_config(root / "configs/coco_hourglass.py", cfg_options={"model.head.num_stacks": 4})
    assert {d.type for _, d in datasets_of(cfg)} == {"CocoPersonDataset"}
    assert (cfg.model.head.out_channels, cfg.model.head.num_stacks) == (17, 4)
    steps = [s.type for s in cfg.train_dataloader.dataset.pipeline]
    assert steps[1:5] == ["GetBBoxCenterScale", "RandomFlip", "RandomHalfBody", "RandomBoxTransform"]
    assert "RandomHalfBody" not in [s.type for s in cfg.val_dataloader.dataset.pipeline]


def test_its_training_pipeline_runs(root: Path, coco: Path):
    cfg = load_config(root / "configs/coco_hourglass.py", data=coco, cfg_options={"input_size": (64, 64)})
    np.random.seed(0)
    pipeline = cfg.train_dataloader.dataset.pipeline
    pipeline[3].prob = 1.0
    dataset = CocoPersonDataset(str(coco), "train")
    packed = Compose([TRANSFORMS.build(step) for step in pipeline])(dataset[0])
    assert packed["inputs"].shape == (3, 64, 64)
    assert packed["data_samples"].gt_fields.heatmaps.shape == (17, 16, 16)


def test_real_coco(real_data: Path):
    root = real_data / "coco_mini"
    assert {s: len(CocoPersonDataset(str(root), s)) for s in ("train", "val")} == {"train": 86, "val": 68}
    stated = schema_of_file(root / "annotations/person_keypoints_val2017.json")
    assert stated.keypoints == PERSON_SCHEMA.keypoints
    assert stated.flip_pairs == PERSON_SCHEMA.flip_pairs
    assert (stated.sigmas, stated.sigmas_source) == (PERSON_SCHEMA.sigmas, PERSON_SCHEMA.sigmas_source)
    assert {frozenset(p) for p in stated.skeleton} == {frozenset(p) for p in PERSON_SCHEMA.skeleton}
