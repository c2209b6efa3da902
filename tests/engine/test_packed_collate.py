import pickle
from multiprocessing.reduction import ForkingPickler

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample
from torch.utils.data import DataLoader

import kpplugins.register  # noqa: F401
from kpplugins.engine import packed_collate


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
        check(next(iter(DataLoader(Samples(), 4, num_workers=workers, collate_fn=packed_collate))))


def test_all_tensors_travel_in_one_of_any_type():
    batch = packed_collate([Samples()[i] for i in range(4)])
    batch["more"] = [
        torch.tensor(True),
        torch.arange(3),
        torch.zeros(0, 2),
        torch.tensor([1.5], dtype=torch.float64),
    ]
    message = bytes(ForkingPickler.dumps(batch))
    assert message.count(b"rebuild_storage_fd") == 1
    assert len(message) < 4000
    again = pickle.loads(message)
    check(again)
    assert [t.tolist() for t in again["more"]] == [True, [0, 1, 2], [], [1.5]]
    assert [t.dtype for t in again["more"]] == [t.dtype for t in batch["more"]]


def test_images_of_different_sizes_stay_a_list():
    batch = [Samples()[0], {**Samples()[1], "inputs": torch.zeros(3, 5, 4)}]
    assert isinstance(packed_collate(batch)["inputs"], list)
    again = pickle.loads(bytes(ForkingPickler.dumps(packed_collate(batch))))
    assert [tuple(image.shape) for image in again["inputs"]] == [(3, 4, 4), (3, 5, 4)]


def test_samples_of_no_one_or_several_instances():
    """One element of a column is contiguous, whatever its stride."""
    rows = np.arange(12.0).reshape(4, 3)
    batch = []
    for n in range(4):
        sample = PoseDataSample(metainfo={"id": n})
        column = torch.from_numpy(rows)[:n, 1]
        sample.gt_instance_labels = InstanceData(labels=column, boxes=torch.zeros(n, 4))
        batch.append({"inputs": torch.zeros(3, 2, 2), "data_samples": sample})
    batch[1]["data_samples"].gt_instance_labels.labels = torch.ones(()).expand(1)  # of stride 0
    again = pickle.loads(bytes(ForkingPickler.dumps(packed_collate(batch))))["data_samples"]
    assert [s.gt_instance_labels.labels.tolist() for s in again] == [[], [1], [1, 4], [1, 4, 7]]
    assert [tuple(s.gt_instance_labels.boxes.shape) for s in again] == [(n, 4) for n in range(4)]
