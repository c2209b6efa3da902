"""Complete samples for a pipeline, from the small ones that an index has."""

from collections.abc import Sequence

import numpy as np

from kpplugins.datasets.sample_index import row_type
from kpplugins.structures.geometry import xyxy_to_xywh


def whole_instance(small: dict, num_keypoints: int, kinds: Sequence[str]) -> dict:
    """Unpack the sample of an instance.

    Args:
        small: one of a ``SampleIndex``.
        num_keypoints: K.
        kinds: names of the categories.

    Returns:
        The complete sample; see ``RecordDataset`` for its keys.
    """
    rows, annotations = _unpacked(small, num_keypoints, kinds)
    annotation = annotations[0]
    taken = ("id", "category", "iscrowd", "num_keypoints")
    return {
        **_common(small, rows),
        **{key: annotation[key] for key in taken},
        "category_id": np.array(annotation["category_id"]),
        "area": np.array(annotation["area"], np.float32),
        "segmentation": None,
        "raw_ann_info": annotation,
    }


def whole_image(small: dict, num_keypoints: int, kinds: Sequence[str]) -> dict:
    """Unpack the sample of an image.

    Args:
        small: one of a ``SampleIndex``.
        num_keypoints: K.
        kinds: names of the categories.

    Returns:
        The complete sample; see ``RecordDataset`` for its keys.
    """
    rows, annotations = _unpacked(small, num_keypoints, kinds)
    return {
        **_common(small, rows),
        "id": rows["id"].tolist(),  # a list, as in MMPose: its CocoMetric sorts predictions by it
        "category_id": rows["kind"].astype(np.int64),
        "iscrowd": rows["crowd"].astype(np.int64),
        "area": rows["area"].astype(np.float32),
        "raw_ann_info": annotations,
    }


def _common(small: dict, rows: np.ndarray) -> dict:
    """Return what the samples of instances and of images have alike."""
    return {
        **{key: value for key, value in small.items() if key != "rows"},
        "bbox": rows["box"].astype(np.float32),
        "bbox_score": np.ones(len(rows), np.float32),
        "keypoints": rows["points"].astype(np.float32),
        "keypoints_visible": np.minimum(rows["shown"], 1).astype(np.float32),
    }


def _unpacked(small: dict, num_keypoints: int, kinds: Sequence[str]) -> tuple[np.ndarray, list[dict]]:
    """Return the rows of a sample, and a COCO annotation for each."""
    rows = np.frombuffer(small["rows"], row_type(num_keypoints))
    flat = np.concatenate([rows["points"], rows["shown"][..., None]], axis=-1).reshape(
        len(rows), 3 * num_keypoints
    )
    columns = zip(
        rows["id"].tolist(), rows["kind"].tolist(), rows["crowd"].tolist(), rows["area"].tolist(),
        xyxy_to_xywh(rows["box"]).tolist(), flat.tolist(), (rows["shown"] > 0).sum(axis=1).tolist(), strict=True,
    )  # fmt: skip
    return rows, [
        {
            "id": number, "image_id": small["img_id"], "category_id": kind, "category": kinds[kind - 1],
            "iscrowd": crowd, "area": area, "bbox": box, "keypoints": points, "num_keypoints": labelled,
        }
        for number, kind, crowd, area, box, points, labelled in columns
    ]  # fmt: skip
