"""Sources that a stranger could make on purpose, one for each line of docs/security.md that ``convert`` meets."""

import json
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import kpplugins  # noqa: F401
from fuzzing.mutations import png
from fuzzing.trial import attempt
from kpplugins.formats.kaggle_faces.reader import NAMES
from kpplugins.formats.tfrecord.examples import masked_crc

BOMB = "\n".join(
    ["a0: &a0 [x, x]", *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10))]
)
HEADER = ",".join([*(f"{n}_{a}" for n in NAMES for a in "xy"), "Image"])

NUMBERS = " ".join(map(str, np.random.default_rng(0).integers(0, 256, 9_000)))


def image(path: Path, content: bytes = b"") -> None:
    """Write an image of 80×60, or what is to pass for one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content or cv2.imencode(".png", np.full((60, 80, 3), 127, np.uint8))[1].tobytes())


def labelme(folder: Path, name: str = "a.png", label: str = "nose", content: bytes = b"") -> None:
    """Write one image with one keypoint in LabelMe's format."""
    image(folder / "a.png", content)
    shape = {"label": label, "points": [[20, 30]], "shape_type": "point", "group_id": 1}
    (folder / "a.json").write_text(json.dumps({"imagePath": name, "shapes": [shape]}))


def yaml(name: str, text: str) -> Callable[[Path], Any]:
    """Return what writes a text as the YAML of a project."""
    return lambda folder: (image(folder / "labeled-data/film/a.png"), (folder / name).write_text(text))


def nested(folder: Path) -> None:
    """Write JSON of a hundred thousand brackets."""
    labelme(folder)
    (folder / "a.json").write_text('{"imagePath": "a.png", "shapes": ' + "[" * 100_000 + "]" * 100_000 + "}")


def entities(folder: Path) -> None:
    """Write the XML that expands to billions of words."""
    lines = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    text = f'<!DOCTYPE r [<!ENTITY a0 "x">{lines}]><annotations><meta/>&a9;<image id="0" name="a.png"/></annotations>'
    (folder / "annotations.xml").write_text(text)


def zipped(content: bytes, cut: int = 0, wrong: int = 0) -> Callable[[Path], Any]:
    """Return what writes a table of Kaggle's as a zip file, less its last ``cut`` bytes, with one byte ``wrong``."""

    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / "training.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("training.csv", content)
        found = bytearray((folder / "training.zip").read_bytes())
        found[wrong] ^= 255 if wrong else 0
        (folder / "training.zip").write_bytes(found[: len(found) - cut])

    return write


def long_record(folder: Path) -> None:
    """Write a TFRecord that says that it is 2⁶⁰ bytes long."""
    length = struct.pack("<Q", 1 << 60)
    (folder / "train.record").write_bytes(length + struct.pack("<I", masked_crc(length)) + bytes(100))


def linked_image(folder: Path) -> None:
    """Make the image a link to a file of the machine."""
    labelme(folder)
    (folder / "a.png").unlink()
    (folder / "a.png").symlink_to("/etc/passwd")


def linked_folder(folder: Path) -> None:
    """Make the folder of images a link to one beside the source."""
    many_keypoints(folder, 1)
    (folder / "images").rename(folder.parent / "outside")
    (folder / "images").symlink_to(folder.parent / "outside")


def many_keypoints(folder: Path, number: int = 100_000) -> None:
    """Write COCO with one category of many keypoints."""
    image(folder / "images/a.png")
    (folder / "annotations").mkdir()
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 80, "height": 60}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 9, 9],
                         "keypoints": [9, 9, 2] * number}],
        "categories": [{"id": 1, "name": "cat", "keypoints": [f"p{i}" for i in range(number)]}],
    }  # fmt: skip
    (folder / "annotations/train.json").write_text(json.dumps(content))


def loop(folder: Path) -> None:
    """Make an annotation a link to itself."""
    labelme(folder)
    (folder / "b.json").symlink_to("b.json")
    (folder / "a.json").unlink()


def _text_chunk() -> bytes:
    return png(80, 60, b"zTXt", b"a\0\0" + zlib.compress(bytes(200_000_000)))


ATTACKS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "YAML aliases that stand for billions of values, in DeepLabCut's `config.yaml`": (
        yaml("config.yaml", f"scorer: A\n{BOMB}\nbodyparts: *a9\n"), "config.yaml:.*stands for more than it is"),
    "the same in YOLO's `data.yaml`": (
        yaml("data.yaml", f"train: images\nkpt_shape: [1, 3]\n{BOMB}\nnames: *a9\n"), "stands for more than it is"),
    "YAML that is nested 100,000 levels deep": (
        yaml("config.yaml", "scorer: A\nbodyparts: " + "[" * 100_000), "not valid YAML"),
    "JSON that is nested 100,000 levels deep": (nested, "nesting too deep|no known format"),
    "XML entities that expand to billions of words": (entities, "document type or entities"),
    "a zip of 50 kB that is one line of 50 MB": (
        zipped(f"{HEADER}\n".encode() + b"1" * 50_000_000), "table is too long"),
    "a zip of 50 kB with 50 million empty lines": (
        zipped(f"{HEADER}\n".encode() + b"\n" * 50_000_000), "table is too long"),
    "a zip that is cut off": (zipped(b"Image" * 50_000, cut=30), "no known format"),
    "a zip with a wrong byte in its data": (
        zipped(f"{HEADER}\n{NUMBERS}".encode(), wrong=9_000), "not a complete zip file"),
    "a TFRecord of 100 bytes that says it is 2⁶⁰ long": (long_record, "file ends within a record"),
    "an image of 100 bytes that says it has 10¹² pixels": (
        lambda folder: labelme(folder, content=png(10**6, 10**6)), "too many pixels|cannot be read"),
    "a PNG whose text expands to 200 MB": (
        lambda folder: labelme(folder, content=_text_chunk()), "image cannot be read"),
    "an image that is damaged behind a whole header": (
        lambda folder: labelme(folder, content=png(80, 60, b"IDAT", b"no pixels")), "image cannot be decoded"),
    "an image named `../secret.png`": (
        lambda folder: (image(folder.parent / "outside.file"), labelme(folder, "../outside.file")),
        "lies outside|image is missing"),
    "an image that is a link to `/etc/passwd`": (linked_image, "lies outside its folder"),
    "a keypoint with a name of a million characters": (
        lambda folder: labelme(folder, label="x" * 10**6), "cannot be; expected texts of up to 200"),
    "a category of 100,000 keypoints": (many_keypoints, "too many keypoints"),
    "an annotation that is a link to itself": (loop, "no known format|no such file|missing"),
}  # fmt: skip
"""What is attacked, by its line in the docs: what writes it, and what is said."""


def main(folder: Path) -> None:
    """Try every attack, and print what came of each as JSON.

    Args:
        folder: an empty one to work in.
    """
    found = {}
    for number, (attack, (write, _)) in enumerate(ATTACKS.items()):
        work = folder / str(number)
        (work / "in").mkdir(parents=True)
        write(work / "in")
        outcome = attempt(work, "convert", {})
        found[attack] = [outcome.kind, outcome.said, outcome.seconds]
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
