"""Check which keypoints, instances and images are labelled, and in which split."""

from collections import Counter

import numpy as np

from kpplugins.curation.checks.finding import Finding
from kpplugins.curation.checks.material import Material
from kpplugins.data.rule import AppliedRule
from kpplugins.data.splits import SPLITS

_LISTED = 8
_MOVED = (AppliedRule.EXIF_TURNED, AppliedRule.EXIF_KEPT, AppliedRule.EXIF_FOLLOWED, AppliedRule.RESCALED)


def keypoints(material: Material) -> list[Finding]:
    """Report keypoints that are labelled nowhere, only in train, or only outside train.

    Args:
        material: the data set.

    Returns:
        One finding for all keypoints never labelled, and up to two for each of val and test.
    """
    schema, labelled = material.reading.schema, material.labelled
    if not labelled.any():
        return []
    never = np.logical_not(_anywhere(labelled))
    found = []
    if never.any():
        todo = "leave them out (`keypoints` in the config), or label them: a model cannot learn them"
        what = f"Labelled in no instance: {_list(schema.keypoints, never)}."
        found.append(Finding("keypoint-never-labelled", "suspect", what, todo, material.source))
    by_split = {
        split: _anywhere(labelled[[material.reading.splits.get(r.image) == split for r in material.records]])
        for split in SPLITS
    }
    train = by_split["train"]
    for split in ("val", "test"):
        there = by_split[split]
        if not (train.any() and there.any()):
            continue
        todo = "divide the images again: kpplugins dataset split DIR --ratio 80 10 10"
        if (train & ~there).any():
            what = f"Labelled in train and never in {split}, so not scored: {_list(schema.keypoints, train & ~there)}."
            found.append(Finding("keypoint-not-scored", "suspect", what, todo, material.source))
        if (there & ~train).any():
            what = f"Labelled in {split} and never in train: {_list(schema.keypoints, there & ~train)}."
            found.append(Finding("keypoint-not-trained", "harmful", what, todo, material.source))
    return found


def unlabelled(material: Material) -> list[Finding]:
    """Count instances without a labelled keypoint, images without an instance, and what the reader noted besides.

    Args:
        material: the data set.

    Returns:
        At most one finding each for the instances, for the images, for EXIF orientations in doubt, and for what the
        reader left out or moved.
    """
    found = []
    empty = sum(r.num_labelled == 0 and not r.crowd for r in material.records)
    if empty:
        what = f"{empty} of {len(material.records)} instances have no labelled keypoint."
        todo = "nothing, if intended; they are neither trained on nor scored"
        found.append(Finding("instance-unlabelled", "note", what, todo, material.source))
    if material.reading.backgrounds:
        what = f"{len(material.reading.backgrounds)} of {len(material.images)} images have no instance."
        todo = "nothing, if there is nothing in them to label"
        found.append(Finding("image-without-instance", "note", what, todo, material.source))
    doubtful = material.reading.rules[AppliedRule.EXIF_UNKNOWN]
    if doubtful:
        what = f"{doubtful} × {AppliedRule.EXIF_UNKNOWN.value}."
        todo = "look at them (kpplugins dataset browse DIR); if they are wrong, delete the orientation from the files"
        found.append(Finding("exif-orientation", "suspect", what, todo, material.source))
    said = (
        Counter({rule.value: material.reading.rules[rule] for rule in _MOVED}) + material.reading.notes.counts
    )
    if said:
        what = "; ".join(f"{count} × {words}" for words, count in said.items()) + "."
        found.append(Finding("left-out-or-moved", "note", what, "nothing, if intended", material.source))
    return found


def _anywhere(labelled: np.ndarray) -> np.ndarray:
    """Return (K,) boolean from (N, K): labelled in any instance."""
    return np.asarray(labelled.any(axis=0))


def _list(names: tuple[str, ...], chosen: np.ndarray) -> str:
    places = np.flatnonzero(chosen)
    return ", ".join(names[k] for k in places[:_LISTED]) + (", …" if len(places) > _LISTED else "")
