"""Facts to decide on: a set of upright single instances on a small machine, and changes of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kpplugins.apis.recommending.data_facts import DataFacts
from kpplugins.apis.recommending.machine_facts import MachineFacts

CATS = DataFacts(
    source="data/cats", dataset_type="CustomKeypointDataset", keypoints=9, categories=1, images=400, instances=400,
    validated=50, mean_instances=1.0, crowded=0.0, box_side=150.0, small_side=90.0, box_share=0.4, whole_images=0.0,
    image_size=(640, 480), turned=9.0, alike=0.0, filmed=0.0, unflipped="", paired=True,
)  # fmt: skip
LAPTOP = MachineFacts(
    cores=2, device="cpu", device_name="", memory=8.0, rate=20e9, minutes=20.0, clock="wall"
)


@pytest.fixture
def cats() -> Callable[..., DataFacts]:
    """``CATS``, with changes."""

    def changed(**values: Any) -> DataFacts:
        return replace(CATS, **values)

    return changed


@pytest.fixture
def laptop() -> Callable[..., MachineFacts]:
    """``LAPTOP``, with changes."""

    def changed(**values: Any) -> MachineFacts:
        return replace(LAPTOP, **values)

    return changed
