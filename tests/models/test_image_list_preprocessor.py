import pytest
import torch
from mmpose.registry import MODELS

import kpplugins.register  # noqa: F401
from kpplugins.models.data_preprocessors.image_list_preprocessor import ImageListPreprocessor
from kpplugins.structures import BadInputError


def test_each_image_keeps_its_size_and_becomes_rgb_in_0_to_1():
    images = [torch.arange(3 * h * w).reshape(3, h, w).to(torch.uint8) for h, w in ((4, 5), (7, 2))]
    before = [image.clone() for image in images]
    samples = [object(), object()]
    batch = MODELS.build(dict(type="ImageListPreprocessor"))({"inputs": images, "data_samples": samples})
    assert batch["data_samples"] is samples
    for out, given, old in zip(batch["inputs"], images, before, strict=True):
        assert out.dtype == torch.float32 and torch.equal(out, old.flip(0).float() / 255)
        assert torch.equal(given, old)


def test_a_stacked_batch_is_taken_apart_and_float_images_are_left_alone():
    stacked = torch.full((2, 3, 4, 4), 51.0)
    batch = ImageListPreprocessor()({"inputs": stacked, "data_samples": None})
    assert [p.shape for p in batch["inputs"]] == [(3, 4, 4)] * 2
    assert torch.allclose(batch["inputs"][0], torch.tensor(0.2)) and (stacked == 51).all()


@pytest.mark.parametrize("shape", [(1, 4, 4), (4, 4)])
def test_what_is_no_image_is_named(shape: tuple):
    with pytest.raises(BadInputError, match=r"\(3, h, w\) BGR"):
        ImageListPreprocessor()({"inputs": [torch.zeros(shape)], "data_samples": None})
