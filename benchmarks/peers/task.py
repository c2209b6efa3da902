"""The data, the budget and the seed, as every peer's program gets them."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.peer import Peer
from kpplugins.curation.export import export_annotations
from kpplugins.data.annotation_set import SCHEMA_FILE
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

FILE = "task.json"
_COCO, _YOLO = "coco", "yolo"
_EMPTY: dict[str, Any] = {"images": [], "annotations": [], "categories": []}


@dataclass(frozen=True)
class Task:
    """A data set and the conditions of the comparison.

    The data are written anew in the formats that the programs read, so that all get the same images and labels.

    Attributes:
        data: anything that ``kpplugins dataset export`` reads, divided into train and test, and val if it has one.
        shared: folder for the data in the programs' formats: ``coco`` and ``yolo``.
        minutes: of training, on one processor core.
        seed: of weights, order and augmentation.

    Raises:
        BadInputError: no budget, nothing to train or test with, or categories with different keypoints.
    """

    data: Path
    shared: Path
    minutes: float
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise BadInputError(
                "wrong budget", where="--cpu-minutes", expected="> 0", found=repr(self.minutes)
            )
        for name in (_COCO, _YOLO):
            shutil.rmtree(self.shared / name, ignore_errors=True)
            export_annotations(self.data, self.shared / name, to=name)
        for split in ("train", "test"):
            if not self.content(split)["annotations"]:
                raise BadInputError(
                    f"nothing to {split} with", where=str(self.data), expected=f"instances in the split {split}",
                    todo="kpplugins dataset convert SOURCE --out DIR, or kpplugins dataset split DIR",
                )  # fmt: skip
        kinds = {tuple(category["keypoints"]) for category in self.content("test")["categories"]}
        if len(kinds) != 1:
            raise BadInputError(
                "categories with different keypoints", where=str(self.data),
                expected="the same keypoints in every category", found=f"{len(kinds)} kinds",
                todo="convert one of the categories",
            )  # fmt: skip

    @property
    def folder(self) -> Path:
        """Return the data as COCO: ``images``, ``annotations/SPLIT.json`` and ``schema.json``."""
        return self.shared / _COCO

    def file(self, split: str) -> Path:
        """Return the annotation file of a split."""
        return self.folder / "annotations" / f"{split}.json"

    def content(self, split: str) -> dict[str, Any]:
        """Return the COCO object of a split; one without images if the data have no such split."""
        file = self.file(split)
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else dict(_EMPTY)

    @property
    def schema(self) -> KeypointSchema:
        """Return what the keypoints are."""
        return KeypointSchema.load(self.folder / SCHEMA_FILE)

    @property
    def classes(self) -> list[str]:
        """Return the names of the categories, in the order of their ids."""
        categories = sorted(self.content("test")["categories"], key=lambda category: int(category["id"]))
        return [str(category["name"]) for category in categories]

    def fingerprint(self, peer: Peer) -> str:
        """Return a hash of the annotations, the budget, the seed and the peer, by which a finished run is known."""
        texts = [
            f.read_text(encoding="utf-8") for f in map(self.file, ("train", "val", "test")) if f.is_file()
        ]
        program = Path(__file__).parent / "programs" / peer.program
        texts += [program.read_text(encoding="utf-8")] if peer.program else []
        content = [*texts, self.minutes, self.seed, peer.packages, peer.arguments]
        return hashlib.sha256(json.dumps(content, default=str).encode()).hexdigest()

    def write(self, peer: Peer, folder: Path) -> Path:
        """Write what a program needs to know.

        Args:
            peer: whose program it is.
            folder: the peer's own one, for its work and its predictions.

        Returns:
            The file: ``FILE`` in ``folder``.
        """
        schema = self.schema
        content = {
            "data": str(self.folder.resolve()),
            "images": str((self.folder / "images").resolve()),
            **{split: str(self.file(split).resolve()) for split in ("train", "test")},
            "val": str(self.file("val").resolve()) if self.content("val")["images"] else None,
            "yolo": str((self.shared / _YOLO).resolve()),
            "out": str(folder.resolve()),
            "keypoints": list(schema.keypoints),
            "flip_indices": list(schema.flip_indices),
            "flips": not schema.unflipped,  # whether images may be mirrored
            "flip_pairs": [list(pair) for pair in schema.flip_pairs],
            "skeleton": [list(map(int, pair)) for pair in schema.skeleton_indices],
            "sigmas": list(schema.sigmas),
            "classes": self.classes,
            "longest": self.longest(),
            "most_instances": self.most_instances(),
            "boxes": peer.boxes,
            "minutes": self.minutes,
            "seed": self.seed,
            **peer.arguments,
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        return folder / FILE

    def longest(self) -> int:
        """Return the longest side of any training image in pixels."""
        return int(max(max(image["width"], image["height"]) for image in self.content("train")["images"]))

    def most_instances(self) -> int:
        """Return the largest number of instances in a training image."""
        ids = [annotation["image_id"] for annotation in self.content("train")["annotations"]]
        return int(np.unique(ids, return_counts=True)[1].max())

    def truths(self) -> list[dict[str, Any]]:
        """Return the test annotations that have keypoints, without crowds; those that a top-down method is given."""
        return [
            annotation
            for annotation in self.content("test")["annotations"]
            if annotation["num_keypoints"] and not annotation["iscrowd"]
        ]
