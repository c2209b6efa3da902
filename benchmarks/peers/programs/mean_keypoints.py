"""Every keypoint at its mean place in the box of the training instances: no image is looked at."""

import numpy as np
from protocol import Stopwatch, coco, entry, finish, labelled, one_by_one, task


def main() -> None:
    given = task()
    watch = Stopwatch(given["minutes"])
    train = labelled(coco(given, "train")["annotations"])
    test = labelled(coco(given, "test")["annotations"])
    points = np.array([a["keypoints"] for a in train], float).reshape(len(train), -1, 3)
    boxes = np.array([a["bbox"] for a in train], float)[:, None]
    weights = (points[:, :, 2:] > 0).astype(float)
    inside = (points[:, :, :2] - boxes[:, :, :2]) / np.maximum(boxes[:, :, 2:], 1e-9)
    mean = (weights * inside).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-9)
    watch.stop()

    def predict(image: dict) -> list[dict]:
        rows = []
        for a in test:
            if a["image_id"] == image["id"]:
                box = np.array(a["bbox"], float)
                found, scores = box[:2] + mean * box[2:], np.ones(len(mean))
                rows.append(entry(image["id"], a["category_id"], found, scores, 1.0, a["bbox"], a["id"]))
        return rows

    finish(given, watch, one_by_one(predict), parameters=mean.size, shape=(), train_images=0)


if __name__ == "__main__":
    main()
