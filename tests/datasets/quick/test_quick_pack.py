from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import PackPoseInputs

from kpplugins.datasets.quick.quick_pack import QuickPack
from kpplugins.datasets.transforms import PackImageInputs

META = ("id", "flip_indices", "raw_ann_info", "not there")


def sample() -> dict:
    rng = np.random.default_rng(0)
    return {
        "img": rng.integers(0, 256, (6, 5, 3), np.uint8), "id": 3, "flip_indices": [1, 0],
        "raw_ann_info": {"bbox": [1.0, 2.0]}, "bbox": np.zeros((1, 4), np.float32), "bbox_score": np.ones(1),
        "keypoints": rng.random((1, 2, 2)), "keypoints_visible": np.ones((1, 2)), "category_id": np.array([2]),
        "keypoint_weights": np.ones((1, 2), np.float32), "heatmaps": rng.random((2, 3, 4)).astype(np.float32),
    }  # fmt: skip


def content(value: Any) -> Any:
    """Everything in a packed sample, with types, as plain values."""
    if isinstance(value, (np.ndarray, torch.Tensor)):
        return type(value).__name__, str(value.dtype), value.tolist()
    if hasattr(value, "all_items"):
        parts = sorted((name, content(part)) for name, part in value.items())
        return type(value).__name__, parts, sorted(map(repr, value.metainfo_items()))
    return value


@pytest.mark.parametrize("kind", [PackPoseInputs, PackImageInputs])
@pytest.mark.parametrize("targets", [True, False])
def test_packs_what_mmpose_packs(kind: type, targets: bool):
    step, given = kind(meta_keys=META), sample()
    if not targets:  # as in a test
        del given["keypoint_weights"], given["heatmaps"]
    theirs, ours = step(deepcopy(given)), QuickPack(step)(given)
    assert torch.equal(theirs["inputs"], ours["inputs"]) and ours["inputs"].is_contiguous()
    assert content(theirs["data_samples"]) == content(ours["data_samples"])
    assert ours["data_samples"].clone().to_dict().keys() == theirs["data_samples"].to_dict().keys()


def test_facts_are_copies():
    given = sample()
    packed = QuickPack(PackPoseInputs(meta_keys=META))(given)["data_samples"]
    given["flip_indices"][0] = 9
    given["raw_ann_info"]["bbox"][0] = 9
    assert packed.flip_indices == [1, 0] and packed.raw_ann_info == {"bbox": [1.0, 2.0]}


def test_what_does_not_fit_together_is_refused_as_by_mmpose():
    given = {**sample(), "keypoint_labels": np.ones((2, 2), np.float32)}
    with pytest.raises(AssertionError, match="not consistent"):
        QuickPack(PackPoseInputs(meta_keys=META))(given)
