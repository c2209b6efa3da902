"""SLEAP's U-Net with its default settings (`sleap-nn`), trained by its own trainer until the budget is spent.

One instance in every training image: its single-instance model; else its bottom-up one, with the skeleton as graph (a
chain of the keypoints where the data state none).
"""

import contextlib
import shutil
from pathlib import Path

import lightning
import numpy as np
import sleap_io
from protocol import Stopwatch, coco, entry, finish, image_path, labelled, task
from sleap_nn.inference import run as inference
from sleap_nn.train import train as train_model
from sleap_nn.training.model_trainer import ModelTrainer

MOST, BATCH = 320, 4
"""Longest side of the network's input, for a budget of minutes on one core; images in a batch, as its profiles have."""


class Watching(lightning.Callback):
    """Counts images, and ends the training with the budget."""

    def __init__(self, watch: Stopwatch) -> None:
        self.watch, self.parameters = watch, 0

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        """Start the clock."""
        self.parameters = sum(p.numel() for p in module.parameters())
        self.watch.start()

    def on_train_batch_end(self, trainer, module, outputs, batch, index) -> None:
        """Count a batch; end the epoch after it if the budget is spent, so that it is validated and saved."""
        self.watch.images += BATCH
        if self.watch.over:
            self.watch.stop()
            trainer.should_stop = True
            trainer.fit_loop.epoch_loop.max_steps = trainer.global_step


def main() -> None:
    given = task()
    lightning.seed_everything(given["seed"])
    folder = Path(given["out"])
    train, val, test = (coco(given, split) for split in ("train", "val", "test"))
    files = {"train": folder / "train.slp", "val": folder / "val.slp"}
    skeleton = skeleton_of(given)
    labels_of(given, train, skeleton).save(str(files["train"]))
    if val["images"]:
        labels_of(given, val, skeleton).save(str(files["val"]))
    alone = given["most_instances"] == 1
    watch = Watching(Stopwatch(given["minutes"]))
    under_watch(watch)
    shutil.rmtree(folder / "run", ignore_errors=True)
    scale = min(1.0, MOST / given["longest"])
    learn(given, alone, scale, files["train"], files["val"] if val["images"] else None)
    if watch.watch.stopped is None:
        watch.watch.stop()
    category = min(c["id"] for c in test["categories"])
    size = (test["images"][0]["width"], test["images"][0]["height"])
    finish(
        given,
        watch.watch,
        lambda images: found_in(given, images, alone, category),
        parameters=watch.parameters,
        shape=[round(scale * side) for side in size],
        train_images=len(train["images"]),
    )


def learn(given: dict, alone: bool, scale: float, train: Path, val: Path | None) -> None:
    """Train in the folder ``run``; without ``val``, SLEAP takes a tenth of the others."""
    with contextlib.suppress(Trained):
        train_model(
            train_labels_path=[str(train)],
            val_labels_path=None if val is None else [str(val)],
            data_pipeline_fw="torch_dataset_cache_img_memory",
            scale=scale,
            backbone_config="unet",
            head_configs="single_instance" if alone else "bottomup",
            batch_size=BATCH,
            trainer_accelerator="cpu",
            trainer_num_devices=1,
            enable_progress_bar=False,
            min_train_steps_per_epoch=1,
            max_epochs=100_000,
            lr_scheduler="reduce_lr_on_plateau",
            save_ckpt=True,
            ckpt_save_last=True,
            ckpt_dir=given["out"],
            run_name="run",
            seed=given["seed"],
        )


def found_in(given: dict, images: list[dict], alone: bool, category: int) -> list[dict]:
    """Return the entries of what the trained model finds in images."""
    rows = []
    sizes = sorted({(image["width"], image["height"]) for image in images})
    for size in sizes:  # the frames of a video are of one size
        some = [image for image in images if (image["width"], image["height"]) == size]
        found = inference.predict(
            sleap_io.Video.from_filename([image_path(given, image) for image in some]),
            model_paths=[str(Path(given["out"]) / "run")], device="cpu", batch_size=BATCH,
            max_instances=1 if alone else None,
        )  # fmt: skip
        for frame in found:
            for instance in frame.instances:
                rows += entries(instance, some[frame.frame_idx]["id"], category)
    return rows


def entries(instance: sleap_io.PredictedInstance, image_id: int, category_id: int) -> list[dict]:
    """Return the entry of an instance; what it did not find is at the centre, with score 0. SLEAP finds no boxes."""
    points = np.asarray(instance.numpy(), float)
    there = ~np.isnan(points).any(axis=1)
    if not there.any():
        return []
    low, high = points[there].min(axis=0), points[there].max(axis=0)
    points = np.where(there[:, None], points, (low + high) / 2)
    scores = np.where(there, np.nan_to_num(np.asarray(instance.points["score"], float)), 0.0)
    return [entry(image_id, category_id, points, scores, float(np.mean(scores)))]


class Trained(Exception):  # noqa: N818  # no error
    """Ends SLEAP's function after the training: what it does then, predicting all training images, is not wanted."""


def under_watch(watch: Watching) -> None:
    """Let SLEAP's trainer have one more callback, and end after the training."""
    callbacks_of, train = ModelTrainer._setup_loggers_callbacks, ModelTrainer.train

    def callbacks(self: ModelTrainer, **arguments) -> tuple:
        loggers, usual = callbacks_of(self, **arguments)
        return loggers, [*usual, watch]

    def once(self: ModelTrainer) -> None:
        train(self)
        raise Trained

    ModelTrainer._setup_loggers_callbacks, ModelTrainer.train = callbacks, once


def skeleton_of(given: dict) -> sleap_io.Skeleton:
    """Return the keypoints as SLEAP has them."""
    names = given["keypoints"]
    edges = given["skeleton"] or [(i, i + 1) for i in range(len(names) - 1)]
    return sleap_io.Skeleton(
        nodes=list(names), edges=[tuple(edge) for edge in edges], name="skeleton",
        symmetries=[(names.index(a), names.index(b)) for a, b in given["flip_pairs"]],
    )  # fmt: skip


def labels_of(given: dict, content: dict, skeleton: sleap_io.Skeleton) -> sleap_io.Labels:
    """Return annotations as SLEAP has them."""
    video = sleap_io.Video.from_filename([image_path(given, image) for image in content["images"]])
    frames = []
    for i, image in enumerate(content["images"]):
        instances = []
        for a in labelled(content["annotations"]):
            if a["image_id"] == image["id"]:
                points = np.array(a["keypoints"], float).reshape(-1, 3)
                points[points[:, 2] <= 0, :2] = np.nan
                instances.append(sleap_io.Instance.from_numpy(points[:, :2], skeleton=skeleton))
        if instances:
            frames.append(sleap_io.LabeledFrame(video=video, frame_idx=i, instances=instances))
    return sleap_io.Labels(frames, videos=[video], skeletons=[skeleton])


if __name__ == "__main__":
    main()
