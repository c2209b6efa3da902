import json
from pathlib import Path

import pytest

from kpplugins.curation.split import split
from kpplugins.data.coco.reader import read_coco
from kpplugins.structures import BadInputError

SPLITS = ("train", "val", "test")


def make(folder: Path, names: list[str]) -> Path:
    """A converted folder without images: all in train, two annotations an image, and keys that nobody knows."""
    (folder / "annotations").mkdir(parents=True)
    images = [
        {"id": i, "file_name": n, "width": 9, "height": 9, "mood": i % 3} for i, n in enumerate(names, 1)
    ]
    annotations = [
        {"id": 10 * i["id"] + j, "image_id": i["id"], "keypoints": [1, 2, 2], "who": j}
        for i in images
        for j in (0, 1)
    ]
    for name in SPLITS:
        mine = name == "train"
        content = {
            "info": {"of": name},
            "images": images if mine else [],
            "annotations": annotations if mine else [],
            "categories": [{"id": 1, "name": "x", "keypoints": ["a"]}],
        }
        (folder / f"annotations/{name}.json").write_text(json.dumps(content))
    (folder / "annotations/notes.txt").write_text("keep me")
    (folder / "report.json").write_text('{"split": {"train": 1}, "images": 3}')
    return folder


def load(folder: Path) -> dict:
    return {name: json.loads((folder / f"annotations/{name}.json").read_text()) for name in SPLITS}


def test_everything_is_kept_and_divided_60_20_20(tmp_path: Path):
    folder = make(tmp_path / "set", [f"{i}.png" for i in range(50)])
    before = load(folder)["train"]
    report = split(folder)
    after = load(folder)
    assert [report[s]["images"] for s in SPLITS] == [30, 10, 10]
    assert [report[s]["instances"] for s in SPLITS] == [60, 20, 20]
    assert report["groups"] == 50 and report["note"] == ""
    for kind in ("images", "annotations"):
        assert sorted((e for s in SPLITS for e in after[s][kind]), key=lambda e: e["id"]) == before[kind]
    for name in SPLITS:
        assert after[name]["info"] == {"of": name} and after[name]["categories"] == before["categories"]
        own = {i["id"] for i in after[name]["images"]}
        assert {a["image_id"] for a in after[name]["annotations"]} == own
    assert (folder / "annotations/notes.txt").read_text() == "keep me"
    assert json.loads((folder / "report.json").read_text()) == {
        "split": {"train": 30, "val": 10, "test": 10},
        "images": 3,
    }
    assert sorted(p.name for p in folder.iterdir()) == ["annotations", "report.json"]


def test_the_same_seed_from_any_division(tmp_path: Path):
    folder = make(tmp_path / "set", [f"{i}.png" for i in range(30)])
    split(folder, seed=1)
    first = {s: {i["id"] for i in c["images"]} for s, c in load(folder).items()}
    split(folder, seed=2)
    assert {s: {i["id"] for i in c["images"]} for s, c in load(folder).items()} != first
    split(folder, seed=1)
    assert {s: {i["id"] for i in c["images"]} for s, c in load(folder).items()} == first


def test_groups_stay_together_and_coarse_ones_are_reported(tmp_path: Path):
    names = [f"v{v}/{i}.png" for v, n in enumerate((60, 30, 10)) for i in range(n)]
    folder = make(tmp_path / "set", names)
    report = split(folder, ratios=(60, 20, 20), group_by=r"images/(v\d)/")
    for content in load(folder).values():
        assert len({i["file_name"][:2] for i in content["images"]}) == 1
    assert [report[s]["images"] for s in SPLITS] == [
        60,
        30,
        10,
    ]  # the largest where most is lacking, and so on
    assert report["groups"] == 3 and "val +10, test -10" in report["note"]
    assert report["val"]["share"] == 0.3 and report["val"]["asked"] == 0.2


def test_a_split_that_gets_nothing(tmp_path: Path):
    folder = make(tmp_path / "set", [f"v{v}/{i}.png" for v in (0, 1) for i in range(9)])
    before = load(folder)
    with pytest.raises(BadInputError, match=r"split would get nothing.*at least 3 groups.*2 groups"):
        split(folder, group_by=r"(v\d)/")
    assert load(folder) == before
    report = split(folder, ratios=(50, 50, 0), group_by=r"(v\d)/")
    assert [report[s]["images"] for s in SPLITS] == [9, 9, 0]


@pytest.mark.parametrize("at", [1, 2])
def test_an_interruption_leaves_all_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int):
    folder = make(tmp_path / "set", [f"{i}.png" for i in range(9)])
    before, rename, calls = load(folder), Path.rename, []

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == at:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        split(folder)
    monkeypatch.undo()
    assert load(folder) == before
    assert sorted(p.name for p in folder.iterdir()) == ["annotations", "report.json"]


def test_killed_between_the_renamings_the_next_call_recovers(tmp_path: Path):
    folder = make(tmp_path / "set", [f"{i}.png" for i in range(10)])
    (folder / "annotations").rename(folder / ".annotations-before-split")
    assert split(folder)["train"]["images"] == 6
    assert not (folder / ".annotations-before-split").exists()


def test_what_cannot_be_divided(tmp_path: Path):
    with pytest.raises(BadInputError, match=r"not a converted folder.*dataset convert"):
        split(tmp_path)
    folder = make(tmp_path / "set", ["a.png", "b.png", "c.png"])
    for options, words in (
        ({"ratios": (1, 2)}, "three numbers"),
        ({"group_by": "("}, "not a regular expression"),
        ({"group_by": "nothing"}, "matches no image"),
    ):
        with pytest.raises(BadInputError, match=words):
            split(folder, **options)
    train = json.loads((folder / "annotations/train.json").read_text())
    for change, words in (
        (lambda c: c["images"].append(c["images"][0]), "id 1 twice among the images"),
        (lambda c: c["images"].append(c["images"][0] | {"id": 51}), "image is listed twice"),
        (lambda c: c["annotations"].append({"id": 99, "image_id": 77}), "unknown image.*image_id 77"),
        (lambda c: c["images"].append({"id": 50}), "without a file_name"),
        (lambda c: c["images"].append({"file_name": "x"}), r"without an id"),
        (lambda c: c["categories"].append({"id": 2}), "different categories"),
        (lambda c: c.pop("annotations"), "annotations is missing"),
    ):
        changed = json.loads(json.dumps(train))
        change(changed)
        (folder / "annotations/train.json").write_text(json.dumps(changed))
        with pytest.raises(BadInputError, match=words):
            split(folder)


def test_a_real_folder_reads_the_same_after_it(drawn_cats: Path, tmp_path: Path):
    from kpplugins.curation.convert import convert

    convert(drawn_cats, tmp_path / "set")
    before = read_coco(tmp_path / "set")
    report = split(tmp_path / "set", ratios=(50, 25, 25), seed=3)
    after = read_coco(tmp_path / "set")
    assert [report[s]["images"] for s in SPLITS] == [10, 5, 5]
    assert after.schema == before.schema
    places = [{r.image: r.keypoints.tolist() for r in one.records} for one in (before, after)]
    assert places[0] == places[1]
    assert list(after.splits.values()).count("train") == 10


def test_crops_of_one_image_stay_together(drawn_cats: Path, tmp_path: Path):
    from kpplugins.curation.check import check
    from kpplugins.curation.convert import convert
    from kpplugins.curation.crop import crop

    convert(drawn_cats, tmp_path / "set")
    for name in ("train", "val", "test"):  # three cats in every image
        path = tmp_path / f"set/annotations/{name}.json"
        content = json.loads(path.read_text())
        content["annotations"] = [
            {**a, "id": 3 * a["id"] + i} for a in content["annotations"] for i in range(3)
        ]
        path.write_text(json.dumps(content))
    crop(tmp_path / "set", tmp_path / "crops")
    report = split(tmp_path / "crops")
    assert report["groups"] == 20
    assert "group-across-splits" not in {f.check for f in check(tmp_path / "crops").findings}
    split(tmp_path / "crops", group_by=r"(.*)", seed=3)  # every crop by itself: torn apart
    assert "group-across-splits" in {f.check for f in check(tmp_path / "crops").findings}
    split(tmp_path / "crops")
    where: dict[str, set[str]] = {}
    for name in ("train", "val", "test"):
        for image in json.loads((tmp_path / f"crops/annotations/{name}.json").read_text())["images"]:
            where.setdefault(image["file_name"].rsplit("_", 1)[0], set()).add(name)
    assert len(where) == 20 and all(len(splits) == 1 for splits in where.values())
