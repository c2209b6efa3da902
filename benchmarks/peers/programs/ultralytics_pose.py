"""Ultralytics' pose model, built from its YAML file and trained by its own trainer with its own time budget.

``time=`` is its way to train for a given time: it sets the number of epochs and the schedule by the clock. That clock
is made to count CPU time, as for all other methods.
"""

from pathlib import Path
from types import SimpleNamespace

import torch
import ultralytics.engine.trainer as trainer
import yaml
from protocol import Stopwatch, coco, entry, finish, image_path, one_by_one, processor_seconds, task
from ultralytics import YOLO
from ultralytics.models.yolo.pose import PoseTrainer

STRIDE, MOST = 32, 320
"""Input sides are multiples of this; the longest input side, for a budget of minutes on one core."""


def main() -> None:
    given = task()
    trainer.time = SimpleNamespace(time=processor_seconds)
    folder, watch = Path(given["out"]), Stopwatch(given["minutes"])
    side = min(MOST, -(-given["longest"] // STRIDE) * STRIDE)
    data = yaml.safe_load((Path(given["yolo"]) / "data.yaml").read_text(encoding="utf-8"))
    data["path"] = given["yolo"]
    if given["val"] is None:
        data["val"] = data["train"]  # required, and not used to choose an epoch
    (folder / "data.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")

    class Counting(PoseTrainer):
        """Counts the images that it trains on."""

        def preprocess_batch(self, batch: dict) -> dict:
            watch.images += len(batch["img"])
            return super().preprocess_batch(batch)

    model = YOLO(given["model"])
    model.add_callback("on_train_start", lambda _: watch.start())
    model.add_callback("on_train_batch_end", lambda _: watch.stop())
    model.add_callback("on_fit_epoch_end", lambda _: watch.stop())
    model.train(
        trainer=Counting,
        data=str(folder / "data.yaml"), time=given["minutes"] / 60, imgsz=side, pretrained=False, device="cpu",
        workers=0, plots=False, seed=given["seed"], project=str(folder), name="run", exist_ok=True,
        val=given["val"] is not None, fliplr=0.5 if given["flips"] else 0.0,
    )  # fmt: skip
    weights = folder / "run/weights" / ("last.pt" if given["val"] is None else "best.pt")
    model = YOLO(weights)
    parameters = sum(p.numel() for p in model.model.parameters())
    train, test = coco(given, "train"), coco(given, "test")
    ids = [next(c["id"] for c in test["categories"] if c["name"] == name) for name in given["classes"]]

    def predict(image: dict) -> list[dict]:
        # 0.001 is its own threshold for AP
        (found,) = model.predict(
            image_path(given, image), imgsz=side, conf=0.001, verbose=False, device="cpu"
        )
        if found.keypoints is None or not len(found.boxes):
            return []
        boxes, points = found.boxes.xyxy.cpu().numpy(), found.keypoints.data.cpu().numpy()
        return [
            entry(image["id"], ids[int(kind)], p[:, :2], p[:, 2], score, (*box[:2], *(box[2:] - box[:2])))
            for box, p, score, kind in zip(
                boxes, points, found.boxes.conf.tolist(), found.boxes.cls.tolist(), strict=True
            )
        ]  # fmt: skip

    with torch.inference_mode():
        finish(
            given, watch, one_by_one(predict), parameters=parameters, shape=(side, side),
            train_images=len(train["images"]),
        )  # fmt: skip


if __name__ == "__main__":
    main()
