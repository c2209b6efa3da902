"""One, two and four processes: the same losses for the same global batch, and the same numbers of a test, bit for bit.

``python -m benchmarks.processes`` starts them by torchrun, compares and prints a table.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.dist import all_reduce, barrier, is_main_process
from mmengine.hooks import Hook
from mmpose.registry import HOOKS
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from kpplugins.apis.test import test
from kpplugins.apis.train import train
from kpplugins.engine.runner import KeepingRunner

ROOT = Path(__file__).resolve().parent.parent
GLOBAL_BATCH = 4
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "top-down": (
        "custom_hourglass_small.py",
        {"model.backbone.channels": 16, "model.head.in_channels": 16, "model.head.depth": 2, "input_size": (64, 64)},
    ),
    "CenterNet": (
        "custom_centernet.py",
        {"model.backbone.channels": 16, "model.backbone.depth": 2, "model.head.in_channels": 16,
         "model.head.feat_channels": 16, "model.test_cfg.score_thr": 0.0, "input_size": (64, 64)},
    ),
    "Keypoint R-CNN": (
        "_base_/keypoint_rcnn.py",
        {"model.weights": None, "model.backbone": "mobilenet_v3_small", "model.min_size": 96, "model.max_size": 128,
         "model.fpn_channels": 32, "model.keypoint_layers": (16, 16), "model.test_cfg.score_thr": 0.0,
         "model.torchvision_args": {"box_batch_size_per_image": 16, "rpn_pre_nms_top_n_test": 50}},
    ),
}  # fmt: skip
"""A config of each kind of model, made small."""


@HOOKS.register_module()
class MeanLossHook(Hook):
    """Keeps the mean loss of all processes at every iteration of a training without any chance in it."""

    kept: list[float] = []  # noqa: RUF012  # of the last training

    def before_train(self, runner: Any) -> None:
        """Start anew, with augmentations that depend on the sample alone."""
        self.kept.clear()
        dataset = runner.train_dataloader.dataset
        prepare = dataset.prepare_data

        def seeded(index: int) -> Any:
            random.seed(index)
            np.random.seed(index)
            return prepare(index)

        dataset.prepare_data = seeded

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Normalise by running statistics: those of a batch would depend on each process' share of it."""
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()

    def after_train_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Take the mean over the processes."""
        loss = outputs["loss"].detach().double().clone()
        all_reduce(loss, "mean")
        self.kept.append(float(loss))


def write_images(out: Path, sizes: dict[str, int]) -> None:
    """Write images of 80×80 with two instances of two keypoints each, in the inner format.

    Args:
        out: a new folder.
        sizes: number of images by split.
    """
    (out / "images").mkdir(parents=True)
    (out / "annotations").mkdir()
    rng, number = np.random.default_rng(0), 0
    categories = [
        {"id": i, "name": name, "keypoints": ["head", "tail"]} for i, name in ((1, "cup"), (2, "plate"))
    ]
    for split, size in sizes.items():
        images, annotations = [], []
        for _ in range(size):
            number += 1
            image = rng.integers(90, 160, (80, 80, 3)).astype(np.uint8)
            for kind, x, y in ((1, 4 + number % 8, 6), (2, 44, 30 + number % 10)):
                image[y : y + 24, x : x + 30] = 250 if kind == 1 else 10
                annotations.append({
                    "id": 10 * number + kind, "image_id": number, "category_id": kind, "bbox": [x, y, 30, 24],
                    "area": 720, "iscrowd": 0, "num_keypoints": 2, "keypoints": [x + 2, y + 12, 2, x + 27, y + 12, 2],
                })  # fmt: skip
            cv2.imwrite(str(out / f"images/{number}.png"), image)
            images.append({"id": number, "file_name": f"images/{number}.png", "width": 80, "height": 80})
        content = {"images": images, "annotations": annotations, "categories": categories}
        (out / f"annotations/{split}.json").write_text(json.dumps(content))


def work(data: Path, out: Path, families: list[str]) -> None:
    """Train and test each family in one of the processes; the first one writes ``out/N.json``, N processes.

    All tests use the weights that one process trained, so that one has to be first.

    Args:
        data: from ``write_images``.
        out: folder of the runs, the same for every number of processes.
        families: keys of ``FAMILIES``.
    """
    number = int(os.environ.get("WORLD_SIZE", "1"))
    launcher = "pytorch" if number > 1 else "none"
    found: dict[str, Any] = {}
    for family in families:
        config, small = FAMILIES[family]
        options = {
            **small, "max_epochs": 2, "custom_hooks": [dict(type="MeanLossHook")], "train_cfg.val_interval": 9,
            "train_dataloader.batch_size": GLOBAL_BATCH // number, "train_dataloader.sampler.shuffle": False,
            **{f"{part}_dataloader.{name}": value for part in ("train", "val", "test")
               for name, value in (("num_workers", 0), ("persistent_workers", False))},
            "val_dataloader.batch_size": 1, "test_dataloader.batch_size": 1,
        }  # fmt: skip
        name = f"{family} {number}"
        with _in_float64():
            train(
                ROOT / "configs" / config,
                data=data,
                work_dir=out / name,
                cfg_options=options,
                launcher=launcher,
            )
        numbers, _, _ = test(
            ROOT / "configs" / config, out / f"{family} 1/epoch_2.pth", data=data, work_dir=out / f"{name} tested",
            cfg_options=options, launcher=launcher, predictions=out / f"{name}.json",
        )  # fmt: skip
        found[family] = {"losses": list(MeanLossHook.kept), "numbers": numbers}
    if is_main_process():
        (out / f"{number}.json").write_text(json.dumps(found))
    if number > 1:
        barrier()


@contextmanager
def _in_float64() -> Iterator[None]:
    """Train in float64, so that what is left of a difference is not rounding."""
    plain, single = KeepingRunner.wrap_model, Tensor.float

    def doubled(_: Any, __: Any, batch: Any) -> Any:
        images = batch["inputs"]
        made = images.double() if isinstance(images, Tensor) else [image.double() for image in images]
        return {**batch, "inputs": made}

    def wrap(self: KeepingRunner, wrapper: Any, model: Any) -> Any:
        model.double()
        model.data_preprocessor.register_forward_hook(doubled)
        return plain(self, wrapper, model)

    KeepingRunner.wrap_model = wrap  # type: ignore[method-assign]
    Tensor.float = Tensor.double  # type: ignore[method-assign]  # losses are float32, whatever the network is
    try:
        yield
    finally:
        KeepingRunner.wrap_model, Tensor.float = plain, single  # type: ignore[method-assign]


def compare(out: Path, numbers: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """Compare what ``work`` wrote with what one process gave.

    Args:
        out: the folder that ``work`` wrote to.
        numbers: of processes, more than one each.

    Returns:
        By family and number: ``losses``, the largest relative difference of a loss; ``last batch``, the same with the
        epochs' last batches; ``numbers`` and ``instances``, whether the test gave the same, bit for bit, also for
        what belongs to no instance; and how many instances there were (``of them``).
    """
    found: dict[str, dict[str, Any]] = {}
    one = json.loads((out / "1.json").read_text())
    for family, alone in one.items():
        for number in numbers:
            other = json.loads((out / f"{number}.json").read_text())[family]
            gaps = [abs(a - b) / abs(a) for a, b in zip(alone["losses"], other["losses"], strict=True)]
            half = len(gaps) // 2
            written = [json.loads((out / f"{family} {n}.json").read_text()) for n in (1, number)]
            rows = [(content["instances"], content.get("unmatched")) for content in written]
            found[f"{family}, {number} processes"] = {
                "losses": max(gaps[: half - 1]), "with the last batch": max(gaps),
                "numbers": str(alone["numbers"]) == str(other["numbers"]),  # NaN is NaN
                "instances": rows[0] == rows[1], "of them": len(rows[1][0]),
            }  # fmt: skip
    return found


def main() -> None:
    """Start the processes, for sizes that divide by them and for sizes that do not; print a table."""
    print("| images | | losses before an epoch's last batch | all losses | numbers | instances |")
    print("|---|---|---|---|---|---|")
    for train_images in (8, 7):
        with tempfile.TemporaryDirectory() as folder:
            data, out = Path(folder) / "data", Path(folder) / "out"
            write_images(data, {"train": train_images, "val": 5, "test": 5})
            out.mkdir()
            for number in (1, 2, 4):
                launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={number}"]
                start = [*(launch if number > 1 else []), "-m", "benchmarks.processes", str(data), str(out)]
                subprocess.run([sys.executable, *start], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
            for name, row in compare(out, (2, 4)).items():
                equal = " | ".join("equal" if row[key] else "differ" for key in ("numbers", "instances"))
                losses = f"{row['losses']:.1e} | {row['with the last batch']:.1e}"
                print(f"| {train_images} | {name} | {losses} | {equal} |")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(Path(sys.argv[1]), Path(sys.argv[2]), list(FAMILIES))
    else:
        main()
