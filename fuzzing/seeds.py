"""Small valid sources of every format, and of every exporter, to be changed."""

import csv
import json
import sys
import zipfile
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kpplugins.curation.convert import convert
from kpplugins.curation.export import TARGETS, export_annotations
from kpplugins.curation.pack import pack
from kpplugins.structures import MachineError


def write_seeds(folder: Path) -> dict[str, dict[str, Any]]:
    """Write one source a subfolder.

    Args:
        folder: where to.

    Returns:
        By subfolder, the options of its reader, and its format as ``from_format``; ``inside`` is the file of the
        folder that is the source.
    """
    seeds: dict[str, dict[str, Any]] = {}
    ours = _of_the_tests()
    for form, (known, write, _) in ours.WRITERS.items():
        fitting = [ours.CASES[case] for other, case in ours.PAIRS if other == form]
        for number, case in enumerate(sorted(fitting, key=lambda c: -len(c.needs))[:2]):
            name = f"{form.replace(' ', '_')}-{number}"
            options = _written(folder / name, write, case)
            if options is not None:
                seeds[name] = {"from_format": known, **options}
    seeds |= {name: {"from_format": known} for name, known in _others(folder).items()}
    many = _many(folder / "coco-many")
    convert(many, folder / "inner", checks=False)
    seeds |= {"coco-many": {"from_format": "coco"}, "inner": {"from_format": "coco"}}
    for kind, inside in (("tar", ""), ("lmdb", ""), ("zip", "set.zip")):
        try:
            (folder / f"packed-{kind}").mkdir()
            pack(folder / "inner", kind, folder / f"packed-{kind}" / inside)
            seeds[f"packed-{kind}"] = {"from_format": "coco", "inside": inside}
        except MachineError:  # lmdb is not installed
            (folder / f"packed-{kind}").rmdir()
    for target in TARGETS:
        export_annotations(folder / "inner", folder / f"to-{target}", to=target)
        seeds[f"to-{target}"] = {"from_format": target}
    return seeds


def _of_the_tests() -> Any:
    """Load the tests that write one annotation in every format."""
    place = Path(__file__).parent.parent / "tests/formats/test_one_annotation.py"
    spec = spec_from_file_location("one_annotation_in_every_format", place)
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _written(folder: Path, write: Callable, case: Any) -> dict[str, Any] | None:
    from pytest import skip

    folder.mkdir()
    try:
        return write(folder, case)
    except skip.Exception:  # a package of an extra is not installed
        return None


def _others(folder: Path) -> dict[str, str]:
    """Write the other files of some formats: zipped, as CSV, as JSON, as HDF5."""
    with zipfile.ZipFile(_new(folder / "kaggle-zip") / "training.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "kaggle-0/training.csv", "training.csv")
    rows = [["#filename", "file_size", "file_attributes", "region_count", "region_id", "region_shape_attributes",
             "region_attributes"]]  # fmt: skip
    for i, name in enumerate(("nose", "tail")):
        shape = {"name": "point", "cx": 20 + i, "cy": 30}
        rows.append(
            ["a.png", "1", "{}", "2", str(i), json.dumps(shape), json.dumps({"name": name, "class": "cat"})]
        )
    with (_new(folder / "via-csv") / "via.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    person = {"image": "a.png", "center": [30, 30], "scale": 0.2, "joints": [[20 + i, 30] for i in range(16)],
              "joints_vis": [1] * 16}  # fmt: skip
    (_new(folder / "mpii-json") / "mpii.json").write_text(json.dumps([person]))
    task = {"image": "a.png", "kp": [{"x": 20, "y": 30, "original_width": 80, "original_height": 60,
                                      "keypointlabels": ["nose"]}], "id": 1}  # fmt: skip
    (_new(folder / "labelstudio-min") / "min.json").write_text(json.dumps([task]))
    found = {"kaggle-zip": "kaggle", "via-csv": "via", "mpii-json": "mpii", "labelstudio-min": "labelstudio"}
    return found | _h5(folder)


def _h5(folder: Path) -> dict[str, str]:
    """Write DeepLabCut's table as pandas does in its fixed format."""
    try:
        import h5py
    except ImportError:
        return {}
    labels = _new(folder / "deeplabcut-h5", "labeled-data/film/a.png") / "labeled-data/film"
    (folder / "deeplabcut-h5/config.yaml").write_text("scorer: Ann\nbodyparts: [nose, tail]\n")
    columns = [("Ann", part, axis) for part in ("nose", "tail") for axis in "xy"]
    axes = {"axis0": columns, "block0_items": columns, "axis1": [("labeled-data", "film", "a.png")]}
    with h5py.File(labels / "CollectedData_Ann.h5", "w") as file:
        group = file.create_group("df_with_missing")
        for name, rows in axes.items():
            for level, labels_ in enumerate(zip(*rows, strict=True)):
                known = sorted(set(labels_))
                group[f"{name}_level{level}"] = np.array([label.encode() for label in known])
                group[f"{name}_label{level}"] = np.array([known.index(label) for label in labels_])
        group.create_dataset("block0_values", data=np.array([[20.0, 30, 40, 50]]), compression="gzip")
    return {"deeplabcut-h5": "deeplabcut"}


def _new(folder: Path, image: str = "a.png") -> Path:
    (folder / image).parent.mkdir(parents=True)
    cv2.imwrite(str(folder / image), np.full((60, 80, 3), 127, np.uint8))
    return folder


def _many(folder: Path) -> Path:
    """Write COCO with two categories, three images of three file types, a crowd and an image without anything."""
    generator = np.random.default_rng(0)
    (folder / "images/in").mkdir(parents=True)
    (folder / "annotations").mkdir()
    names = ("in/a.jpg", "b.png", "c.tif", "d.bmp")
    for name in names:
        cv2.imwrite(str(folder / "images" / name), generator.integers(0, 256, (60, 80, 3), np.uint8))
    images = [{"id": i, "file_name": name, "width": 80, "height": 60} for i, name in enumerate(names)]
    annotations = [
        {"id": i, "image_id": i % 3, "category_id": i % 2, "bbox": [5, 5, 40, 40], "area": 900, "iscrowd": int(i == 5),
         "keypoints": [10 + i, 12, 2, 20, 12 + i, 1, 0, 0, 0], "num_keypoints": 2} for i in range(6)
    ]  # fmt: skip
    points = ["left_eye", "right_eye", "nose"]
    categories = [
        {"id": i, "name": n, "keypoints": points, "skeleton": [[1, 3]]} for i, n in enumerate(("cat", "dog"))
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations/train.json").write_text(json.dumps(content))
    return folder
