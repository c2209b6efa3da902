import torch
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.structures import PoseDataSample

import kpplugins.register  # noqa: F401
from kpplugins.models import TopdownDataPreprocessor

SETTINGS = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
IMAGES = torch.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5).to(torch.uint8)


def batch(inputs):
    return {"inputs": inputs, "data_samples": [PoseDataSample(metainfo={"id": i}) for i in range(2)]}


def test_the_values_are_those_of_mmpose():
    ours = TopdownDataPreprocessor(**SETTINGS)(batch(IMAGES.clone()))
    theirs = PoseDataPreprocessor(**SETTINGS)(batch(list(IMAGES)))
    assert torch.equal(ours["inputs"], theirs["inputs"]) and ours["inputs"].dtype == torch.float32
    assert [s.id for s in ours["data_samples"]] == [0, 1]


def test_whole_numbers_in_a_config():
    settings = dict(mean=[0, 0, 0], std=[255, 255, 255])
    ours = TopdownDataPreprocessor(**settings)(batch(IMAGES.clone()))
    assert torch.equal(ours["inputs"], PoseDataPreprocessor(**settings)(batch(list(IMAGES)))["inputs"])


def test_the_loaders_batch_is_left_as_it_is():
    given = batch(IMAGES.float())
    TopdownDataPreprocessor(**{**SETTINGS, "bgr_to_rgb": False})(given)
    assert torch.equal(given["inputs"], IMAGES.float())


def test_a_list_of_images_is_padded_by_mmposes_code():
    padded = TopdownDataPreprocessor(**SETTINGS, pad_size_divisor=8)(batch(list(IMAGES)))
    assert padded["inputs"].shape == (2, 3, 8, 8)
