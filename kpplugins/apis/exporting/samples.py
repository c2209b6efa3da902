"""The images on which an exported model is compared with the trained one."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmpose.registry import DATASETS, TRANSFORMS

from kpplugins.config.values import name_of
from kpplugins.data.images import as_bgr, read_image
from kpplugins.formats.load_annotations import load_annotations
from kpplugins.inference.trained.trained_model import TrainedModel, kind_of
from kpplugins.structures import BadInputError
from kpplugins.structures.model_kind import TOP_DOWN
from kpplugins.synthetic import write_sample_cats

MOST = 256
"""So many samples of the val split are compared, at equal distances, if there are more."""
CALIBRATED = 200
"""So many labelled instances, at most, are looked at to find the ranges of int8."""
DRAWN = 12


@dataclass(frozen=True)
class Sample:
    """One image, and a box in it for a top-down model.

    Attributes:
        image: (H, W, 3) BGR uint8.
        box: (4,) xyxy; ``None`` for models that find boxes.
        truth: the dataset's data sample with the labels; ``None`` for images without labels.
    """

    image: np.ndarray
    box: np.ndarray | None
    truth: Any = None


@dataclass(frozen=True)
class Samples:
    """Where samples come from.

    Attributes:
        words: says so, in a phrase.
        read: yields the samples, one at a time.
        dataset: with the metainfo for metrics; ``None`` for images without labels.
    """

    words: str
    read: Callable[[], Iterator[Sample]]
    dataset: Any = None


def val_samples(trained: TrainedModel) -> Samples:
    """Return the samples of a run's val split.

    Args:
        trained: the model, with its config.

    Returns:
        At most ``MOST`` of them.

    Raises:
        BadInputError: the data are not there, or cannot be read.
    """
    cfg = trained.config
    loader = cfg.get("val_dataloader") or cfg.test_dataloader
    try:
        dataset = DATASETS.build(loader.dataset)
    except FileNotFoundError as error:
        raise BadInputError("the val images are not there", where=str(error.filename or error)) from error
    count = len(dataset)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST)).astype(int))
    top_down = kind_of(cfg) == TOP_DOWN

    def read() -> Iterator[Sample]:
        for i in chosen:
            info, truth = dataset.get_data_info(int(i)), dataset[int(i)]["data_samples"]
            box = _box_of(trained, info) if top_down else None
            yield Sample(_image_of(trained, info), box, truth)

    what = "instances" if top_down else "images"
    words = f"{len(chosen)} {what} of the val split" + (f", of {count}" if count > len(chosen) else "")
    return Samples(words, read, dataset)


def drawn_samples(trained: TrainedModel, why: str) -> Samples:
    """Return drawn images and noise.

    Args:
        trained: the model.
        why: the val split is not used.

    Returns:
        ``DRAWN`` drawn cats, and a third as many images of noise.
    """
    top_down = kind_of(trained.config) == TOP_DOWN

    def read() -> Iterator[Sample]:
        generator = np.random.default_rng(0)
        with tempfile.TemporaryDirectory() as folder:
            write_sample_cats(Path(folder) / "cats", DRAWN, 0)
            for record in load_annotations(Path(folder) / "cats").records:
                yield Sample(read_image(record.image, trained.pixels), record.bbox if top_down else None)
        for _ in range(DRAWN // 3):
            noise = generator.integers(0, 256, (180, 240, 3), np.uint8)
            yield Sample(noise, generator.uniform([0, 0, 120, 90], [100, 80, 240, 180]) if top_down else None)

    return Samples(f"{DRAWN} drawn cats and {DRAWN // 3} images of noise, NOT on the val split ({why})", read)


def labelled_samples(trained: TrainedModel, source: Path) -> Samples:
    """Return labelled images in any known format, for calibration.

    Args:
        trained: the model.
        source: file or folder.

    Returns:
        At most ``CALIBRATED`` instances, or images where the model finds boxes.

    Raises:
        BadInputError: they cannot be read.
    """
    top_down = kind_of(trained.config) == TOP_DOWN
    extracted = (
        tempfile.TemporaryDirectory()
    )  # images inside annotation files; it lives as long as `read` does
    found = load_annotations(source, extract_to=Path(extracted.name) / "images")
    records = [r for r in found.records if r.num_labelled and not r.crowd]
    if not top_down:
        records = list({r.image: r for r in records}.values())
    if not records:
        raise BadInputError("no labelled image here", where=str(source))
    chosen = [records[i] for i in np.unique(np.linspace(0, len(records) - 1, CALIBRATED).astype(int))]

    def read(extracted: Any = extracted) -> Iterator[Sample]:
        for record in chosen:
            points = record.keypoints[None]
            info = {
                "bbox": record.bbox[None], "keypoints": points[..., :2], "keypoints_visible": points[..., 2] > 0,
                "ori_shape": (record.height, record.width),
            }  # fmt: skip
            yield Sample(
                read_image(record.image, trained.pixels), _box_of(trained, info) if top_down else None
            )

    return Samples(f"{len(chosen)} {'instances' if top_down else 'images'} of {source}", read)


def _image_of(trained: TrainedModel, info: dict) -> np.ndarray:
    """Return the image of a dataset's sample; some datasets hold their images."""
    if info.get("img") is not None:
        return as_bgr(info["img"], str(info.get("img_path", "")), trained.pixels)
    return read_image(info["img_path"], trained.pixels)


def _box_of(trained: TrainedModel, info: dict) -> np.ndarray:
    """Return the box (4,) of a dataset's sample in which a model that is given boxes predicts as the test does."""
    for step in trained.config.test_dataloader.dataset.pipeline:
        if name_of(step["type"]) == "CropAroundKeypoints":
            sized = (
                info if "ori_shape" in info else {**info, "img": read_image(info["img_path"], trained.pixels)}
            )
            return np.asarray(TRANSFORMS.build(step).box_of(sized))
    return np.asarray(info["bbox"], float).reshape(-1, 4)[0]
