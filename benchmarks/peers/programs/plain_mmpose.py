"""MMPose's own top-down config and pipelines in MMEngine's Runner, used through MMPose's ``inference_topdown``.

Of this project it uses the stand-ins for what MMPose needs and no longer installs (``kpplugins.compat``), no more.
The network's input is made smaller and the schedule is scaled to the budget; everything else is the config's.
"""

import kpplugins  # noqa: F401  # the stand-ins, before anything imports MMPose

# isort: split
import contextlib
import math
from pathlib import Path
from typing import Any

import mmpose
import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.apis import inference_topdown
from protocol import Stopwatch, coco, entry, epochs_that_fit, finish, image_path, labelled, one_by_one, task

CONFIG = "body_2d_keypoint/topdown_heatmap/coco/td-hm_mobilenetv2_8xb64-210e_coco-256x192.py"
SIDE, HEATMAP, BATCH, EPOCHS = 128, 32, 32, 210
PROBED, WARM = 12, 4
"""Iterations of the probe, and those of them that do not count."""


class Watching(Hook):
    """Counts images, notes when iterations end, and ends the training with the budget."""

    def __init__(self, watch: Stopwatch, most: int | None = None) -> None:
        self.watch, self.most, self.ends = watch, most, []

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self.watch.start()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Count a batch; stop if it was the last."""
        self.watch.images += len(data_batch["inputs"])
        self.ends.append(self.watch.seconds)
        self.watch.stop()
        if self.watch.over or (self.most is not None and len(self.ends) >= self.most):
            raise StopIteration
        self.watch.stopped = None


def main() -> None:
    given = task()
    train = labelled(coco(given, "train")["annotations"])
    probe = Watching(Stopwatch(60), PROBED)
    trained(settled(given, EPOCHS, len(train)), probe, "probe")
    seconds = (probe.ends[-1] - probe.ends[WARM]) / (len(probe.ends) - 1 - WARM) / BATCH
    hook = Watching(Stopwatch(given["minutes"]))
    cfg = settled(given, epochs_that_fit(given["minutes"], seconds, len(train)), len(train))
    runner = trained(cfg, hook, "run")
    model = runner.model.eval()
    model.cfg, model.dataset_meta = cfg, runner.train_dataloader.dataset.metainfo
    test = labelled(coco(given, "test")["annotations"])

    def predict(image: dict) -> list[dict]:
        chosen = [a for a in test if a["image_id"] == image["id"]]
        if not chosen:
            return []
        boxes = np.array([a["bbox"] for a in chosen], np.float32)
        boxes[:, 2:] += boxes[:, :2]
        found = inference_topdown(model, image_path(given, image), boxes)
        return [
            entry(
                image["id"], a["category_id"], sample.pred_instances.keypoints[0],
                sample.pred_instances.keypoint_scores[0], 1.0, a["bbox"], a["id"],
            )
            for a, sample in zip(chosen, found, strict=True)
        ]  # fmt: skip

    parameters = sum(p.numel() for p in model.parameters())
    finish(
        given,
        hook.watch,
        one_by_one(predict),
        parameters=parameters,
        shape=(SIDE, SIDE),
        train_images=len(train),
    )


def settled(given: dict, epochs: float, instances: int) -> Config:
    """Return MMPose's config on the data, its schedule scaled from 210 epochs to the given number or part of it."""
    cfg = Config.fromfile(str(Path(mmpose.__file__).parent / ".mim/configs" / CONFIG))
    init_default_scope("mmpose")
    pairs = dict(given["flip_pairs"]) | {b: a for a, b in given["flip_pairs"]}
    names = given["keypoints"]
    metainfo = dict(
        dataset_name="data", classes=tuple(given["classes"]),
        keypoint_info={
            i: dict(name=n, id=i, color=[0, 255, 0], type="", swap=pairs.get(n, "")) for i, n in enumerate(names)
        },
        skeleton_info={}, joint_weights=[1.0] * len(names), sigmas=list(given["sigmas"]),
    )  # fmt: skip
    codec = dict(cfg.codec, input_size=(SIDE, SIDE), heatmap_size=(HEATMAP, HEATMAP))
    cfg.codec = codec
    cfg.model.backbone.init_cfg = None  # its weights cannot be downloaded: all methods train from scratch
    cfg.model.head.update(out_channels=len(names), decoder=codec)
    cfg.model.test_cfg.flip_test = given["flips"]
    pipeline = [step for step in cfg.train_pipeline if given["flips"] or step["type"] != "RandomFlip"]
    pipeline = [step for step in pipeline if step["type"] != "RandomHalfBody"]  # it is of persons
    for steps in (pipeline, cfg.val_pipeline):
        for step in steps:
            if step["type"] == "TopdownAffine":
                step["input_size"] = codec["input_size"]
            if step["type"] == "GenerateTarget":
                step["encoder"] = codec
    cfg.train_dataloader.update(
        batch_size=BATCH, num_workers=0, persistent_workers=False,
        dataset=dict(
            type="CocoDataset", data_root="", data_mode="topdown", ann_file=given["train"], metainfo=metainfo,
            data_prefix=dict(img=given["images"] + "/"), pipeline=pipeline,
        ),
    )  # fmt: skip
    cfg.test_dataloader = dict(dataset=dict(pipeline=cfg.val_pipeline))  # what `inference_topdown` reads
    iterations = max(2, int(epochs * instances / BATCH))
    warm_up, steps = cfg.param_scheduler
    warm_up["end"] = max(1, min(500, iterations // 20))
    milestones = [max(1, round(m / EPOCHS * iterations)) for m in steps["milestones"]]
    steps.update(by_epoch=False, end=iterations, milestones=milestones)
    cfg.train_cfg = dict(
        by_epoch=True, max_epochs=math.ceil(epochs) + 1, val_interval=10**9
    )  # the hook ends it
    cfg.randomness = dict(seed=given["seed"])
    cfg.work_dir = str(Path(given["out"]) / "work")
    return cfg


def trained(cfg: Config, hook: Watching, name: str) -> Runner:
    """Train with MMEngine's Runner; the hook may end it."""
    runner = Runner(
        model=cfg.model, work_dir=cfg.work_dir, train_dataloader=cfg.train_dataloader, train_cfg=cfg.train_cfg,
        optim_wrapper=cfg.optim_wrapper, param_scheduler=cfg.param_scheduler, default_scope="mmpose",
        randomness=cfg.randomness, experiment_name=name,
    )  # fmt: skip
    runner.register_hook(hook)
    with contextlib.suppress(StopIteration):
        runner.train()
    torch.set_grad_enabled(True)
    return runner


if __name__ == "__main__":
    main()
