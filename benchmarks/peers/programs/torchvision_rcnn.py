"""torchvision's Keypoint R-CNN, trained as its reference script does, with the schedule on the clock of the budget.

Of the reference: SGD with a learning rate of 0.02 for 16 images, momentum 0.9, weight decay 1e-4, a linear warm-up,
steps at 36 and 43 of 46 epochs, horizontal flips. Images are resized to 320 pixels at most, for a budget of minutes on
one core; weights cannot be downloaded, so all layers are trained with batch norm.
"""

import cv2
import numpy as np
import torch
from protocol import Stopwatch, coco, entry, finish, image_path, labelled, one_by_one, task
from torchvision.models.detection import keypointrcnn_resnet50_fpn

MOST, BATCH, RATE, REFERENCE = 320, 2, 0.02, 16
FOUND = 5
"""Most instances that it returns, times the most in a training image; each costs 3.5 G multiply-adds."""
STEPS, EPOCHS, WARM_UP = (36, 43), 46, 0.05
"""Epochs of the reference at which the rate falls to a tenth, of how many, and the share of the warm-up."""


def main() -> None:
    given = task()
    torch.manual_seed(given["seed"])
    generator = np.random.default_rng(given["seed"])
    train, test = coco(given, "train"), coco(given, "test")
    side = min(MOST, given["longest"])
    model = keypointrcnn_resnet50_fpn(
        weights=None, weights_backbone=None, num_classes=len(given["classes"]) + 1,
        num_keypoints=len(given["keypoints"]), min_size=side, max_size=side, trainable_backbone_layers=5,
        box_detections_per_img=FOUND * given["most_instances"],
    )  # fmt: skip
    rate = RATE * BATCH / REFERENCE
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=1e-4)
    number = {c["id"]: i for i, c in enumerate(sorted(test["categories"], key=lambda c: c["id"]), 1)}
    chosen = [(image, [a for a in labelled(train["annotations"]) if a["image_id"] == image["id"]])
              for image in train["images"]]  # fmt: skip
    chosen = [(image, annotations) for image, annotations in chosen if annotations]
    watch = Stopwatch(given["minutes"])
    model.train()
    order: list[int] = []
    while not watch.over:
        if len(order) < BATCH:
            order += generator.permutation(len(chosen)).tolist()
        now, order = order[:BATCH], order[BATCH:]
        samples = [sample(given, *chosen[i], number, generator) for i in now]
        share = watch.share
        factor = min(1.0, 1e-3 + share / WARM_UP) * 0.1 ** sum(share >= step / EPOCHS for step in STEPS)
        for group in optimizer.param_groups:
            group["lr"] = rate * factor
        loss = sum(model([s[0] for s in samples], [s[1] for s in samples]).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        watch.images += len(samples)
    watch.stop()
    model.eval()
    names = {i: category for category, i in number.items()}

    @torch.inference_mode()
    def predict(image: dict) -> list[dict]:
        (found,) = model([read(image_path(given, image))])
        return [
            entry(
                image["id"], names[int(label)], points[:, :2].numpy(), torch.sigmoid(scores).numpy(), float(score),
                (*box[:2].tolist(), *(box[2:] - box[:2]).tolist()),
            )
            for box, label, score, points, scores in zip(
                found["boxes"], found["labels"], found["scores"], found["keypoints"], found["keypoints_scores"],
                strict=True,
            )
        ]  # fmt: skip

    parameters = sum(p.numel() for p in model.parameters())
    finish(
        given, watch, one_by_one(predict), parameters=parameters, shape=(side, side), train_images=len(chosen)
    )


def read(path: str) -> torch.Tensor:
    """Return an image (3, H, W), RGB in 0..1."""
    image = cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)
    return torch.from_numpy(image).permute(2, 0, 1).float() / 255


def sample(
    given: dict, image: dict, annotations: list, number: dict, generator: np.random.Generator
) -> tuple:
    """Return an image and its target, mirrored at random if the keypoints can be."""
    pixels = read(image_path(given, image))
    boxes = torch.tensor([a["bbox"] for a in annotations], dtype=torch.float32)
    boxes[:, 2:] += boxes[:, :2]
    points = torch.tensor([a["keypoints"] for a in annotations], dtype=torch.float32).reshape(
        len(boxes), -1, 3
    )
    points[:, :, 2] = (points[:, :, 2] > 0).float()
    if given["flips"] and generator.random() < 0.5:
        width = pixels.shape[-1]
        pixels = pixels.flip(-1)
        boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
        points = points[:, given["flip_indices"]]
        points[:, :, 0] = width - 1 - points[:, :, 0]
    labels = torch.tensor([number[a["category_id"]] for a in annotations])
    return pixels, {"boxes": boxes, "labels": labels, "keypoints": points}


if __name__ == "__main__":
    main()
