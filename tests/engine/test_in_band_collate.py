import pickle

import torch
from mmengine.structures import PixelData
from mmpose.structures import PoseDataSample
from torch.utils.data import DataLoader

import kpplugins.register  # noqa: F401
from kpplugins.engine import in_band_collate


class Samples(torch.utils.data.Dataset):
    """Four samples whose heatmaps are their number."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, i: int) -> dict:
        sample = PoseDataSample(metainfo={"id": i})
        sample.gt_fields = PixelData(heatmaps=torch.full((2, 3, 3), float(i)))
        return {"inputs": torch.full((3, 4, 4), i, dtype=torch.uint8), "data_samples": sample}


def check(batch: dict) -> None:
    assert batch["inputs"].shape == (4, 3, 4, 4)
    assert [s.id for s in batch["data_samples"]] == [0, 1, 2, 3]
    assert [s.gt_fields.heatmaps.mean().item() for s in batch["data_samples"]] == [0, 1, 2, 3]


def test_within_one_process_and_from_a_worker():
    for workers in (0, 1):
        check(next(iter(DataLoader(Samples(), 4, num_workers=workers, collate_fn=in_band_collate))))


def test_no_tensor_of_a_sample_travels_on_its_own():
    from multiprocessing.reduction import ForkingPickler

    samples = in_band_collate([Samples()[i] for i in range(4)])["data_samples"]
    message = bytes(ForkingPickler.dumps(samples))
    assert b"rebuild_storage" not in message
    assert len(pickle.loads(message)) == 4


def test_pictures_of_different_sizes_stay_a_list():
    batch = [Samples()[0], {**Samples()[1], "inputs": torch.zeros(3, 5, 4)}]
    assert isinstance(in_band_collate(batch)["inputs"], list)
