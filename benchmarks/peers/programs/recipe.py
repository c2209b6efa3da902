"""A recipe of this project, trained as ``kpplugins compare`` does and used through ``Predictor``."""

from pathlib import Path

import numpy as np
from protocol import Stopwatch, coco, entry, finish, image_path, labelled, one_by_one, task

from kpplugins.apis.comparison.budget import Budget
from kpplugins.apis.comparison.recipe import Recipe
from kpplugins.config.source import file_of
from kpplugins.engine.time_budget_hook import SPENT
from kpplugins.inference.predictor import Predictor
from kpplugins.weights.checkpoints import default_checkpoint, read_checkpoint

ONE_PROCESS = {"num_workers": 0, "persistent_workers": False}


def main() -> None:
    given = task()
    config = file_of(f"kpplugins::{given['config']}")
    options = {
        f"{split}_dataloader.{k}": v for split in ("train", "val", "test") for k, v in ONE_PROCESS.items()
    }
    options |= {"train_dataloader.prefetch_factor": None}
    if given["val"] is None:
        options |= dict.fromkeys(("val_dataloader", "val_evaluator", "val_cfg"))
        options["default_hooks.checkpoint.save_best"] = None
    options |= given.get("options") or {}
    folder = Path(given["out"]) / "run"
    budget = Budget(minutes=given["minutes"], clock="cpu")
    recipe = Recipe(
        "run", config, Path(given["data"]), folder, budget, given["seed"], options, False, from_scratch=True
    )
    row = recipe.run("", recipe.epochs())
    predictor = Predictor(None, default_checkpoint(folder), "cpu", box_thr=0.0)
    watch = Stopwatch(given["minutes"])
    train, test = coco(given, "train"), coco(given, "test")
    top_down = given["boxes"] == "given"
    units = len(labelled(train["annotations"]) if top_down else train["images"])
    watch.images, watch.stopped = round(row["epochs"] * units), spent(default_checkpoint(folder))
    ids = {category["name"]: category["id"] for category in test["categories"]}

    def predict(image: dict) -> list[dict]:
        path = image_path(given, image)
        if not top_down:
            result = predictor(path)
            return [
                entry(image["id"], ids[kind], points, scores, score, (*box[:2], *(box[2:] - box[:2])))
                for kind, points, scores, score, box in zip(
                    result.categories, result.keypoints, result.scores, result.box_scores, result.boxes, strict=True
                )
            ]  # fmt: skip
        chosen = [a for a in labelled(test["annotations"]) if a["image_id"] == image["id"]]
        if not chosen:
            return []
        boxes = np.array([a["bbox"] for a in chosen], float)
        boxes[:, 2:] += boxes[:, :2]
        result = predictor(path, boxes)
        return [
            entry(image["id"], a["category_id"], points, scores, 1.0, a["bbox"], a["id"])
            for a, points, scores in zip(chosen, result.keypoints, result.scores, strict=True)
        ]

    network = predictor.model.trained.network
    shape = predictor.config.get("input_size") or predictor.config.codec.input_size
    parameters = sum(p.numel() for p in network.parameters())
    finish(given, watch, one_by_one(predict), parameters=parameters, shape=shape, train_images=units)


def spent(checkpoint: Path) -> float:
    """Return the CPU seconds of the training that wrote a checkpoint, from its first iteration to its last."""
    kept = read_checkpoint(checkpoint.parent / (checkpoint.parent / "last_checkpoint").read_text().strip())
    return float(kept["message_hub"]["runtime_info"][SPENT])


if __name__ == "__main__":
    main()
