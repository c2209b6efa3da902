"""One annotation, written in every format that can hold it, gives one record. Expected values are derived by hand.

A new format: a function that writes a ``Case`` in it, and a line in ``WRITERS`` with what it can hold.
"""

import csv
import json
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from scipy.io import savemat

from kpplugins.data.record_builder import AREA_OF_BOX
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.formats.faces.ibug_pts import IBUG_68
from kpplugins.formats.faces.wflw import WFLW_98
from kpplugins.formats.kaggle_faces.reader import NAMES as FACE
from kpplugins.formats.mpii.person import MPII_SCHEMA
from kpplugins.formats.open_source import open_source
from kpplugins.formats.openpose import BODIES
from kpplugins.formats.registry import FORMATS
from kpplugins.formats.tfrecord.examples import masked_crc

SIDE = 96
"""Width and height of the image: Kaggle's."""
OUTSIDE, DERIVED, CUT, AREA = (
    AppliedRule.KEYPOINT_OUTSIDE,
    AppliedRule.BOX_DERIVED,
    AppliedRule.BOX_CUT,
    AppliedRule.AREA_DERIVED,
)
TWO = ("nose", "tail")
KNOWN = {
    CAT_SCHEMA.keypoints: "cats",
    FACE: "faces",
    IBUG_68.keypoints: "68",
    WFLW_98.keypoints: "98",
    MPII_SCHEMA.keypoints: "mpii",
    BODIES[25][0]: "body 25",
}
"""Keypoints that a format may be made for."""


@dataclass(frozen=True)
class Instance:
    """What is annotated: x, y, visibility by name; the box xyxy and the area where they are given."""

    keypoints: dict[str, tuple[float, float, int]]
    box: tuple[float, float, float, float] | None = None
    area: float | None = None


@dataclass(frozen=True)
class Case:
    """Instances of one image, and what the records of all formats are: box, area and rules."""

    names: tuple[str, ...]
    instances: tuple[Instance, ...]
    records: tuple[tuple[tuple[float, ...], float], ...]
    rules: Counter[AppliedRule]
    outside: tuple[str, ...] = ()

    @property
    def needs(self) -> set[str]:
        """What a format must be able to say."""
        labelled = [v for i in self.instances for _, _, v in i.keypoints.values()]
        whole = (0, 0, SIDE - 1, SIDE - 1)
        return {
            *(["box" if i.box else "no box" for i in self.instances]),
            *(["any box" for i in self.instances if i.box not in (None, whole)]),
            *(["area" for i in self.instances if i.area]),
            *(["alone" for i in self.instances if not i.keypoints]),
            *(["several"] if len(self.instances) > 1 else []),
            *(["several without boxes"] if sum(i.box is None for i in self.instances) > 1 else []),
            *(["occluded"] if 1 in labelled else []),
            *(["absent"] if len(labelled) < len(self.names) * len(self.instances) else []),
            KNOWN.get(self.names, "any names"),
        }


def visible(*points: tuple[float, float]) -> dict[str, tuple[float, float, int]]:
    return {name: (x, y, 2) for name, (x, y) in zip(("nose", "tail", "ear"), points, strict=False)}


CAT = [(20, 40), (60, 40), (40, 50), (16, 30), (24, 20), (32, 30), (48, 30), (56, 20), (64, 30)]
CASES = {
    # 48×30 from (16, 20) to (64, 50), a tenth of 48 on each side
    "nine keypoints without a box": Case(
        CAT_SCHEMA.keypoints,
        (Instance({n: (x, y, 2) for n, (x, y) in zip(CAT_SCHEMA.keypoints, CAT, strict=True)}),),
        (((11.2, 15.2, 68.8, 54.8), 0.53 * 57.6 * 39.6),),
        Counter([DERIVED, AREA]),
    ),
    "a face in a box that is the image": Case(
        FACE,
        (Instance({n: (10 + 3 * i, 20 + 2 * i, 2) for i, n in enumerate(FACE[:14])}, (0, 0, 95, 95)),),
        (((0, 0, 95, 95), 0.53 * 95 * 95),),
        Counter([AREA]),
    ),
    "visible, occluded and absent, in two boxes": Case(
        TWO,
        (
            Instance({"nose": (20, 30, 2), "tail": (40, 50, 1)}, (10, 20, 50, 60)),
            Instance({"nose": (70, 20, 2)}, (60, 10, 90, 40)),
        ),
        (((10, 20, 50, 60), 848), ((60, 10, 90, 40), 477)),  # 53 % of 40·40 and of 30·30
        Counter([AREA, AREA]),
    ),
    # 20×20 and 10×20, 2 on each side
    "two without boxes": Case(
        TWO,
        (Instance(visible((20, 30), (40, 50))), Instance(visible((70, 20), (80, 40)))),
        (((18, 28, 42, 52), 0.53 * 24 * 24), ((68, 18, 82, 42), 0.53 * 14 * 24)),
        Counter([DERIVED, DERIVED, AREA, AREA]),
    ),
    "a box over the border": Case(
        TWO,
        (Instance({"nose": (5, 30, 2)}, (-20, 20, 50, 60)),),
        (((0, 20, 50, 60), 0.53 * 50 * 40),),
        Counter([CUT, AREA]),
    ),
    "a box that ends with the image": Case(  # 96 counts pixels' edges, 95 their centres: nothing to speak of
        TWO,
        (Instance({"nose": (60, 60, 2)}, (50, 50, 96, 96)),),
        (((50, 50, 95, 95), 0.53 * 45 * 45),),
        Counter([AREA]),
    ),
    "a keypoint outside, without a box": Case(
        ("nose", "tail", "ear"),
        (Instance(visible((120, 30), (40, 50), (20, 30))),),
        (((18, 28, 42, 52), 0.53 * 24 * 24),),
        Counter([OUTSIDE, DERIVED, AREA]),
        outside=("nose",),
    ),
    "a keypoint outside, in a box": Case(
        ("nose", "tail", "ear"),
        (Instance(visible((120, 30), (40, 50), (20, 30)), (10, 20, 50, 60)),),
        (((10, 20, 50, 60), 848),),
        Counter([OUTSIDE, AREA]),
        outside=("nose",),
    ),
    "one keypoint without a box": Case(  # a square of a tenth of 96
        TWO,
        (Instance(visible((50, 40))),),
        (((45.2, 35.2, 54.8, 44.8), 0.53 * 9.6 * 9.6),),
        Counter([AppliedRule.BOX_SMALL, AREA]),
    ),
    "one keypoint at the corner without a box": Case(
        TWO,
        (Instance(visible((94, 1))),),
        (((89.2, 0, 95, 5.8), 0.53 * 5.8 * 5.8),),
        Counter([AppliedRule.BOX_SMALL, AREA]),
    ),
    "a box without keypoints": Case(
        TWO,
        (Instance(visible((20, 30), (40, 50)), (10, 20, 50, 60)), Instance({}, (60, 10, 90, 40))),
        (((10, 20, 50, 60), 848), ((60, 10, 90, 40), 477)),
        Counter([AppliedRule.BOX_ALONE, AREA, AREA]),
    ),
    # 67×29 from (10, 20) to (77, 49), a tenth of 67 on each side
    "a face of 300-W": Case(
        IBUG_68.keypoints,
        (Instance({n: (10 + i, 20 + i % 30, 2) for i, n in enumerate(IBUG_68.keypoints)}),),
        (((3.3, 13.3, 83.7, 55.7), 0.53 * 80.4 * 42.4),),
        Counter([DERIVED, AREA]),
    ),
    "a face of WFLW": Case(
        WFLW_98.keypoints,
        (
            Instance(
                {n: (10 + i / 2, 20 + i % 40, 2) for i, n in enumerate(WFLW_98.keypoints)}, (5, 15, 70, 65)
            ),
        ),
        (((5, 15, 70, 65), 0.53 * 65 * 50),),
        Counter([AREA]),
    ),
    # 20×20 and 10×20, 2 on each side
    "a person of MPII": Case(
        MPII_SCHEMA.keypoints,
        (
            Instance({"pelvis": (20, 30, 2), "head_top": (40, 50, 1)}),
            Instance({"thorax": (70, 20, 2), "left_knee": (80, 40, 2)}),
        ),
        (((18, 28, 42, 52), 0.53 * 24 * 24), ((68, 18, 82, 42), 0.53 * 14 * 24)),
        Counter([DERIVED, DERIVED, AREA, AREA]),
    ),
    "a person of OpenPose": Case(
        BODIES[25][0],
        (Instance({"Nose": (20, 30, 2), "RHeel": (40, 50, 2)}),),
        (((18, 28, 42, 52), 0.53 * 24 * 24),),
        Counter([DERIVED, AREA]),
    ),
    "an area that is given": Case(
        TWO,
        (Instance(visible((20, 30), (40, 50)), (10, 20, 50, 60), 700),),
        (((10, 20, 50, 60), 700),),
        Counter(),
    ),
}


def picture(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((SIDE, SIDE), 127, np.uint8))
    return path.read_bytes()


def rows(case: Case, instance: Instance) -> list[tuple[float, float, int]]:
    return [instance.keypoints.get(name, (0, 0, 0)) for name in case.names]


def cat(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "CAT_00" / "a.jpg")
    numbers = [v for x, y, _ in rows(case, case.instances[0]) for v in (x, y)]
    (folder / "CAT_00" / "a.jpg.cat").write_text(" ".join(map(str, [9, *numbers])))
    return {}


def kaggle(folder: Path, case: Case) -> dict[str, Any]:
    given = case.instances[0].keypoints
    cells = [given[n][axis] + 0.5 if n in given else "" for n in FACE for axis in (0, 1)]
    with (folder / "training.csv").open("w", newline="") as file:
        columns = [f"{n}_{axis}" for n in FACE for axis in "xy"]
        csv.writer(file).writerows([[*columns, "Image"], [*cells, " ".join(["7"] * SIDE * SIDE)]])
    return {}


def coco(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "images" / "a.png")
    (folder / "annotations").mkdir()
    annotations = []
    for i, instance in enumerate(case.instances):
        entry = {
            "id": i,
            "image_id": 1,
            "category_id": 1,
            "keypoints": [v for r in rows(case, instance) for v in r],
        }
        if instance.box:
            x1, y1, x2, y2 = instance.box
            entry["bbox"] = [x1, y1, x2 - x1, y2 - y1]
        annotations.append(entry | ({"area": instance.area} if instance.area else {}))
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": SIDE, "height": SIDE}], "annotations": annotations,
        "categories": [{"id": 1, "name": "thing", "keypoints": list(case.names)}],
    }  # fmt: skip
    (folder / "annotations" / "train.json").write_text(json.dumps(content))
    return {}


def labelme(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "a.png")
    shapes = []
    for group, instance in enumerate(case.instances, 1):
        if instance.box:
            corners = [list(instance.box[:2]), list(instance.box[2:])]
            shapes.append({"label": "thing", "points": corners, "group_id": group, "shape_type": "rectangle"})
        for name, (x, y, shown) in instance.keypoints.items():
            shapes.append({"label": name, "points": [[x, y]], "group_id": group, "shape_type": "point",
                           "flags": {"occluded": shown == 1}})  # fmt: skip
    (folder / "a.json").write_text(json.dumps({"imagePath": "a.png", "shapes": shapes}))
    return {}


def skeleton(case: Case, instance: Instance, more: str) -> str:
    parts = [
        f'<points label="{name}" points="{x},{y}" outside="{int(v == 0)}" occluded="{int(v == 1)}"/>'
        for name, (x, y, v) in zip(case.names, rows(case, instance), strict=True)
    ]
    return f"<skeleton {more}>{''.join(parts)}</skeleton>" if instance.keypoints else ""


def rectangle(instance: Instance, more: str) -> str:
    sides = [f'{k}="{v}"' for k, v in zip(("xtl", "ytl", "xbr", "ybr"), instance.box or (), strict=False)]
    return f"<box {more} {' '.join(sides)}/>" if sides else ""


def cvat_images(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "images" / "a.png")
    shapes = ""
    for group, instance in enumerate(case.instances, 1):
        more = f'label="thing" group_id="{group}"'
        shapes += skeleton(case, instance, more) + rectangle(instance, more)
    image = f'<image id="0" name="a.png" width="{SIDE}" height="{SIDE}">{shapes}</image>'
    (folder / "annotations.xml").write_text(f"<annotations><meta/>{image}</annotations>")
    return {}


def cvat_video(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "images" / "frame_000000.png")
    tracks = ""
    for group, instance in enumerate(case.instances, 1):
        more = 'frame="0" outside="0" keyframe="1"'
        for shape in (skeleton(case, instance, more), rectangle(instance, more)):
            tracks += f'<track label="thing" group_id="{group}">{shape}</track>' if shape else ""
    (folder / "annotations.xml").write_text(f"<annotations><meta/>{tracks}</annotations>")
    return {}


def labelstudio(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "images" / "a.png")
    results, size = [], {"original_width": SIDE, "original_height": SIDE}
    for i, instance in enumerate(case.instances):
        if instance.box:
            x1, y1, x2, y2 = (100 * v / SIDE for v in instance.box)
            value = {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1, "rectanglelabels": ["thing"]}
            results.append({"id": f"box {i}", "type": "rectanglelabels", "value": value, **size})
        for name, (x, y, shown) in instance.keypoints.items():
            value = {"x": 100 * x / SIDE, "y": 100 * y / SIDE, "keypointlabels": [name]}
            parent = {"parentID": f"box {i}"} if instance.box else {}
            results.append({"id": f"{name} {i}", "type": "keypointlabels", "value": value, **size, **parent})
            if shown == 1:
                results.append({"id": f"{name} {i}", "type": "choices", "value": {"choices": ["occluded"]}})
    task = {"data": {"image": "a.png"}, "annotations": [{"result": results}]}
    (folder / "export.json").write_text(json.dumps([task]))
    return {}


def via(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "a.png")
    regions = []
    for i, instance in enumerate(case.instances):
        if instance.box:
            x1, y1, x2, y2 = instance.box
            shape = {"name": "rect", "x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
            regions.append(
                {"shape_attributes": shape, "region_attributes": {"instance": str(i), "class": "thing"}}
            )
        for name, (x, y, shown) in instance.keypoints.items():
            said = {"name": name, "instance": str(i), "occluded": "yes" if shown == 1 else "no"}
            regions.append(
                {"shape_attributes": {"name": "point", "cx": x, "cy": y}, "region_attributes": said}
            )
    (folder / "via.json").write_text(
        json.dumps({"a.png1": {"filename": "a.png", "size": 1, "regions": regions}})
    )
    return {}


def yolo(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "images" / "train" / "a.png")
    (folder / "labels" / "train").mkdir(parents=True)
    config = {"train": "images/train", "kpt_shape": [len(case.names), 3], "names": {0: "thing"}}
    (folder / "data.yaml").write_text(yaml.safe_dump(config | {"kpt_names": {0: list(case.names)}}))
    lines = []
    for instance in case.instances:
        x1, y1, x2, y2 = (v / SIDE for v in instance.box or ())
        points = [(x / SIDE, y / SIDE, v) for x, y, v in rows(case, instance)]
        numbers = [0, (x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, *(v for p in points for v in p)]
        lines.append(" ".join(map(str, numbers)))
    (folder / "labels" / "train" / "a.txt").write_text("\n".join(lines))
    return {}


def table(case: Case, several: bool) -> list[list[Any]]:
    columns = [(f"animal{i}", n) for i in range(len(case.instances)) for n in case.names]
    given = [instance.keypoints.get(n) for instance in case.instances for n in case.names]
    doubled = [[column] * 2 for column in columns]
    head = [["scorer", *["Ann"] * 2 * len(columns)]]
    head += [["individuals", *(who for pair in doubled for who, _ in pair)]] if several else []
    head += [
        ["bodyparts", *(part for pair in doubled for _, part in pair)],
        ["coords", *["x", "y"] * len(columns)],
    ]
    return [*head, ["labeled-data/film/a.png", *(v for p in given for v in (p[:2] if p else ("", "")))]]


def deeplabcut(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "labeled-data" / "film" / "a.png")
    several = len(case.instances) > 1
    parts = {"multianimalbodyparts": list(case.names)} if several else {}
    config = {"scorer": "Ann", "bodyparts": list(case.names), "multianimalproject": several, **parts}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    with (folder / "labeled-data" / "film" / "CollectedData_Ann.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table(case, several))
    return {}


def lightningpose(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "labeled-data" / "film" / "a.png")
    with (folder / "CollectedData.csv").open("w", newline="") as file:
        csv.writer(file).writerows(table(case, several=False))
    return {}


def sleap(folder: Path, case: Case) -> dict[str, Any]:
    sio = pytest.importorskip("sleap_io")
    picture(folder / "a.png")
    kind, video = sio.Skeleton(list(case.names)), sio.Video.from_filename([str(folder / "a.png")])
    points = [[(x, y) if v else (np.nan, np.nan) for x, y, v in rows(case, i)] for i in case.instances]
    instances = [sio.Instance.from_numpy(np.array(p, float), skeleton=kind) for p in points]
    frame = sio.LabeledFrame(video=video, frame_idx=0, instances=instances)
    sio.save_slp(sio.Labels([frame]), str(folder / "a.slp"))
    return {}


def tfrecord(folder: Path, case: Case) -> dict[str, Any]:
    def block(number: int, content: bytes) -> bytes:
        size, length = b"", len(content)
        while length > 127:
            size, length = size + bytes([length & 127 | 128]), length >> 7
        return bytes([number << 3 | 2]) + size + bytes([length]) + content

    def feature(values: list) -> bytes:
        if isinstance(values[0], bytes):
            return block(1, b"".join(block(1, v) for v in values))
        return block(2, block(1, struct.pack(f"<{len(values)}f", *values)))

    n, flat = len(case.instances), [r for i in case.instances for r in rows(case, i)]
    features = {
        "image/encoded": [picture(folder.parent / "a.png")], "image/filename": [b"a.png"],
        "image/object/class/text": [b"thing"] * n, "image/object/keypoint/num": [float(len(case.names))] * n,
        "image/object/keypoint/text": [name.encode() for name in case.names] * n,
        **{f"image/object/keypoint/{a}": [float(r[i]) / SIDE for r in flat] for i, a in enumerate("xy")},
        "image/object/keypoint/visibility": [float(r[2]) for r in flat],
    }  # fmt: skip
    for k, side in enumerate(("xmin", "ymin", "xmax", "ymax")):
        if case.instances[0].box:
            features[f"image/object/bbox/{side}"] = [(i.box or ())[k] / SIDE for i in case.instances]
    if case.instances[0].area:
        features["image/object/area"] = [float(i.area or 0) for i in case.instances]
    data = block(
        1, b"".join(block(1, block(1, k.encode()) + block(2, feature(v))) for k, v in features.items())
    )
    length = struct.pack("<Q", len(data))
    check = [struct.pack("<I", masked_crc(part)) for part in (length, data)]
    (folder / "train.record").write_bytes(length + check[0] + data + check[1])
    return {}


def boxes_json(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "images" / "a.png")
    (folder / "annotations").mkdir()
    keypoints = [[list(row) for row in rows(case, i)] for i in case.instances]
    content = {"bboxes": [i.box for i in case.instances], "keypoints": keypoints}
    (folder / "annotations" / "a.json").write_text(json.dumps(content))
    return {"names": list(case.names)}


def datumaro(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "images" / "default" / "a.png")
    annotations: list[dict[str, Any]] = []
    for group, instance in enumerate(case.instances, 1):
        more = {"group": group, "label_id": 0, "attributes": {}}
        if instance.box:
            x1, y1, x2, y2 = instance.box
            annotations.append({"type": "bbox", "bbox": [x1, y1, x2 - x1, y2 - y1], **more})
        if instance.keypoints:
            flat = [v for x, y, _ in rows(case, instance) for v in (x, y)]
            shown = [v for _, _, v in rows(case, instance)]
            annotations.append({"type": "points", "points": flat, "visibility": shown, **more})
    points = {"items": [{"label_id": 0, "labels": list(case.names), "joints": []}]}
    content = {
        "categories": {"label": {"labels": [{"name": "thing", "parent": ""}]}, "points": points},
        "items": [{"id": "a", "annotations": annotations, "image": {"path": "a.png", "size": [SIDE, SIDE]}}],
    }
    (folder / "annotations").mkdir()
    (folder / "annotations" / "default.json").write_text(json.dumps(content))
    return {}


def via3(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "a.png")
    names = {str(i): name for i, name in enumerate(case.names)}
    options = {"1": ("name", 4, names), "2": ("instance", 1, {}), "3": ("occluded", 2, {"1": "yes"})}
    metadata = {}
    for i, instance in enumerate(case.instances):
        if instance.box:
            x1, y1, x2, y2 = instance.box
            metadata[f"{i}"] = {"vid": "1", "z": [], "xy": [2, x1, y1, x2 - x1, y2 - y1], "av": {"2": str(i)}}
        for name, (x, y, shown) in instance.keypoints.items():
            said = {"1": str(case.names.index(name)), "2": str(i), "3": "1" if shown == 1 else ""}
            metadata[f"{i} {name}"] = {"vid": "1", "z": [], "xy": [1, x, y], "av": said}
    content = {
        "project": {"vid_list": ["1"]}, "file": {"1": {"fname": "a.png", "type": 2, "loc": 1, "src": ""}},
        "attribute": {k: {"aname": n, "type": t, "options": o} for k, (n, t, o) in options.items()},
        "view": {"1": {"fid_list": ["1"]}}, "metadata": metadata,
    }  # fmt: skip
    (folder / "via_project.json").write_text(json.dumps(content))
    return {}


def animalpose(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "images" / "a.png")
    animals: list[dict[str, Any]] = []
    for instance in case.instances:
        keypoints = [list(row) for row in rows(case, instance)]
        animals.append({"image_id": 1, "category_id": 1, "keypoints": keypoints, "bbox": instance.box})
    content = {
        "images": {"1": "a.png"}, "annotations": animals,
        "categories": [{"id": 1, "name": "thing", "keypoints": list(case.names), "skeleton": []}],
    }  # fmt: skip
    (folder / "keypoints.json").write_text(json.dumps(content))
    return {}


def pts(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "a.png")
    lines = [f"{x + 1} {y + 1}" for x, y, _ in rows(case, case.instances[0])]
    (folder / "a.pts").write_text("\n".join(["version: 1", f"n_points: {len(lines)}", "{", *lines, "}"]))
    return {}


def wflw(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "WFLW_images" / "a.png")
    (instance,) = case.instances
    numbers = [v for x, y, _ in rows(case, instance) for v in (x, y)]
    words = [*numbers, *(instance.box or ()), *[0] * 6, "a.png"]
    (folder / "WFLW_annotations").mkdir()
    (folder / "WFLW_annotations" / "list_98pt_rect_attr_train.txt").write_text(" ".join(map(str, words)))
    return {}


def mpii(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "images" / "a.png")
    persons = []
    for instance in case.instances:
        points = [
            {"x": x + 1, "y": y + 1, "id": case.names.index(name), "is_visible": v - 1}
            for name, (x, y, v) in instance.keypoints.items()
        ]
        persons.append({"annopoints": {"point": np.array(points, object)}})
    image = {"image": {"name": "a.png"}, "annorect": np.array(persons, object)}
    savemat(folder / "mpii.mat", {"RELEASE": {"annolist": image, "img_train": 1}})
    return {}


def openpose(folder: Path, case: Case) -> dict[str, Any]:
    picture(folder / "a.png")
    flat = [v for x, y, shown in rows(case, case.instances[0]) for v in (x, y, shown / 2)]
    (folder / "a_keypoints.json").write_text(json.dumps({"people": [{"pose_keypoints_2d": flat}]}))
    return {}


NAMED, BOXED = {*KNOWN.values(), "any names"}, {"box", "any box"}
DRAWN = {*NAMED, *BOXED, "no box", "alone", "several", "occluded", "absent"}
TABLE = {*NAMED, "no box", "absent"}
WRITERS: dict[str, tuple[str, Callable[[Path, Case], dict[str, Any]], set[str]]] = {
    "cat": ("cat", cat, {"cats", "no box"}),
    "kaggle": ("kaggle", kaggle, {"faces", "box", "absent"}),
    "coco": ("coco", coco, {*DRAWN, "several without boxes", "area"}),
    "labelme": ("labelme", labelme, {*DRAWN, "several without boxes"}),
    "cvat images": ("cvat", cvat_images, {*DRAWN, "several without boxes"}),
    "cvat video": ("cvat", cvat_video, {*DRAWN, "several without boxes"}),
    "labelstudio": ("labelstudio", labelstudio, DRAWN),
    "via": ("via", via, {*DRAWN, "several without boxes"}),
    "yolo": ("yolo", yolo, DRAWN - {"no box"}),
    "deeplabcut": ("deeplabcut", deeplabcut, {*TABLE, "several", "several without boxes"}),
    "lightningpose": ("lightningpose", lightningpose, TABLE),
    "sleap": ("sleap", sleap, {*TABLE, "several", "several without boxes"}),
    "tfrecord": ("tfrecord", tfrecord, {*DRAWN, "several without boxes", "area"}),
    "boxes_json": ("boxes_json", boxes_json, DRAWN - {"no box"}),
    "datumaro": ("datumaro", datumaro, {*DRAWN, "several without boxes"}),
    "via 3": ("via", via3, {*DRAWN, "several without boxes"}),
    "animalpose": ("animalpose", animalpose, {*DRAWN, "several without boxes"}),
    "300w": ("300w", pts, {"68", "no box"}),
    "wflw": ("wflw", wflw, {"98", *BOXED}),
    "mpii": ("mpii", mpii, {"mpii", "no box", "absent", "occluded", "several", "several without boxes"}),
    "openpose": ("openpose", openpose, {"body 25", "no box", "absent"}),
}
PAIRS = [(f, c) for c, case in CASES.items() for f, (_, _, holds) in WRITERS.items() if case.needs <= holds]


@pytest.mark.parametrize(("form", "name"), PAIRS, ids=[f"{f}-{c}" for f, c in PAIRS])
def test_one_annotation_gives_one_record(tmp_path: Path, form: str, name: str):
    case, (known, write, _) = CASES[name], WRITERS[form]
    (tmp_path / "in").mkdir()
    options = write(tmp_path / "in", case)
    found, reading = open_source(tmp_path / "in", extract_to=tmp_path / "out", **options)
    assert found.name == known
    assert len(reading.records) == len(case.instances) and reading.rules == case.rules
    for record, instance, (box, area) in zip(reading.records, case.instances, case.records, strict=True):
        labelled = {
            n: tuple(row)
            for n, row in zip(reading.schema.keypoints, record.keypoints.tolist(), strict=True)
            if row[2]
        }
        expected = {n: p for n, p in instance.keypoints.items() if n not in case.outside}
        assert labelled.keys() == expected.keys()
        for n, place in expected.items():
            assert labelled[n] == pytest.approx(place, abs=1e-3)
        assert record.bbox.tolist() == pytest.approx(box, abs=1e-3)
        assert record.area == pytest.approx(area, abs=0.05)
        assert (record.width, record.height, record.crowd) == (SIDE, SIDE, False)


def test_every_format_is_written_here_and_every_case_in_several():
    assert {known for known, _, _ in WRITERS.values()} == {known.name for known in FORMATS}
    assert all(sum(c == case for _, c in PAIRS) > 1 for case in CASES)
    assert {f for f, _ in PAIRS} == set(WRITERS)
    assert str(AREA_OF_BOX) in AppliedRule.AREA_DERIVED.value
