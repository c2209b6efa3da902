"""Which images of a COCO file have no instances, and which nobody labelled, have lost an annotation or occur twice."""

from collections import Counter
from collections.abc import Collection, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.data.image_info import ImageInfo
from kpplugins.data.parsing.image_files import real_paths
from kpplugins.structures import BadInputError

NOTHING_SAID = "annotation without keypoints and without a box, left out"
MAYBE_NOT_EMPTY = (
    "image without annotations, left out because a bad annotation does not say which image it is of"
)


def says_nothing(annotation: Mapping[str, Any]) -> bool:
    """Tell whether an annotation has no labelled keypoint, no box, no area and no outline: an unfinished one.

    Args:
        annotation: the entry of ``annotations``.

    Returns:
        True for such an annotation; False also for one whose values are malformed.
    """
    keypoints, box = annotation.get("keypoints") or [], annotation.get("bbox") or []
    lists = isinstance(keypoints, list) and isinstance(box, list)
    return (
        lists
        and not any(keypoints[2::3])  # first, as it settles nearly all
        and all(type(v) in (int, float) for v in [*keypoints, *box])
        and len(keypoints) % 3 == 0
        and (not box or (len(box) == 4 and not any(box[2:])))
        and not (annotation.get("area") or annotation.get("segmentation") or annotation.get("iscrowd"))
    )


def settle_backgrounds(
    images: Mapping[Any, ImageInfo | None],
    full: Collection[Any],
    bad: Collection[Any],
    silent: Mapping[Any, int],
) -> tuple[list[ImageInfo], Counter[str]]:
    """Return the images that have no annotation at all, and count what is left out.

    Args:
        images: by id; ``None`` for a bad one.
        full: ids of images with an instance.
        bad: ids of images with a bad annotation; ``None`` among them for one that does not say which image it is of, so
            that no image is known to be empty.
        silent: by id of the image, how many of its annotations say nothing.

    Returns:
        The backgrounds, and the counts in words.
    """
    rest = {key: image for key, image in images.items() if image and key not in full and key not in bad}
    empty = [image for key, image in rest.items() if key not in silent]
    lost = None in bad
    counts = Counter({
        NOTHING_SAID: sum(silent.values()), UNLABELLED: len(rest) - len(empty),
        MAYBE_NOT_EMPTY: len(empty) if lost else 0,
    })  # fmt: skip
    return [] if lost else empty, +counts


def settle_repeats(images: MutableMapping[Any, ImageInfo | None], path: Path) -> list[BadInputError]:
    """Refuse entries that name one file: their annotations may have been made on different images.

    Args:
        images: by id; those that name one file become ``None``.
        path: the annotation file, for messages.

    Returns:
        One fault for each entry whose file an earlier one names too.
    """
    files = real_paths(image.path for image in images.values() if image is not None)
    ids: dict[Path, list[Any]] = {}
    for key, image in images.items():
        if image is not None:
            ids.setdefault(files[image.path], []).append(key)
    faults = []
    for file, same in ids.items():
        if len(same) > 1:
            images.update(dict.fromkeys(same))
            faults += [
                BadInputError(
                    "image is listed twice", where=f"{path}: image {key}", expected="one entry for each file",
                    found=f"{file.name} in image {same[0]} too",
                    todo="name the file that is meant, or join the two entries and their annotations",
                )
                for key in same[1:]
            ]  # fmt: skip
    return faults
