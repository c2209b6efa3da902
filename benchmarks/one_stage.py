"""Benchmarks of one-stage models: CenterNet's targets and decoding, Keypoint R-CNN against torchvision's."""

import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from mmpose.registry import MODELS
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN

from kpplugins.codecs.centernet_keypoints import CenterNetKeypoints
from kpplugins.config.load import load_config
from kpplugins.datasets.coco_person_dataset import PERSON_SCHEMA
from kpplugins.inference.predictor import Predictor
from kpplugins.structures.timed import timed

_INPUT, _CELLS = 512, 128
_K = PERSON_SCHEMA.num_keypoints


def centernet_codec(images: int = 200, instances: int = 10) -> dict[str, float]:
    """Time the encoding and decoding of persons at 512×512 (maps of 128×128), each on one core.

    Args:
        images: number of random images that are encoded, and decoded, each.
        instances: number in each image, all K keypoints labelled.

    Returns:
        ``encode images a second``; ``decode ms`` of maps as encoded, as a trained network gives them; and
        ``decode noise ms`` of maps with peaks everywhere, which no network gives.
    """
    codec = CenterNetKeypoints((_INPUT, _INPUT), (_CELLS, _CELLS), num_classes=1)
    scenes = [_scene(np.random.default_rng(i), instances) for i in range(images)]

    def encode() -> list[dict[str, np.ndarray]]:
        return [codec.encode(points, bbox=boxes) for points, boxes in scenes]

    encode()  # fills the cache of Gaussians
    encoded, seconds = timed(encode, time.process_time)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        drawn = [_maps(one["heatmaps"], one["keypoint_heatmaps"]) for one in encoded]
        rng, shape = np.random.default_rng(0), (_CELLS, _CELLS)
        noise = [_maps(rng.random((1, *shape)), rng.random((_K, *shape))) for _ in range(20)]
        milliseconds = [1e3 * median(timed(partial(codec.decode, m), time.process_time)[1] for m in maps)
                        for maps in (drawn, noise)]  # fmt: skip
    finally:
        torch.set_num_threads(threads)
    return {
        "encode images a second": images / seconds,
        "decode ms": milliseconds[0],
        "decode noise ms": milliseconds[1],
    }


def keypoint_rcnn(config: Path, rounds: int = 7) -> dict[str, float]:
    """Time one image through our Keypoint R-CNN predictor and through torchvision's own network, in turn.

    Both begin with a BGR image of 640×480 of noise and end with NumPy arrays. Weights are random, the same for both,
    so the instances found mean nothing, but are the same too.

    Args:
        config: ``coco_keypoint_rcnn.py``, or another of its kind that names no weights.
        rounds: how often each is run; the first round is not counted, and the median of the others is.

    Returns:
        ``ours ms``, ``torchvision ms``, ``found`` (instances), and ``ratio``, the median over the rounds.
    """
    image = np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(np.uint8)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        cfg = load_config(config, schema=PERSON_SCHEMA, cfg_options={"model.weights": None})
        checkpoint = Path(folder) / "random.pth"
        torch.save({"state_dict": MODELS.build(cfg.model).state_dict()}, checkpoint)
        PERSON_SCHEMA.save(Path(folder) / "schema.json")
        predictor = Predictor(cfg, checkpoint, "cpu", box_thr=0.0)
    own = predictor.model.trained.network
    network = GeneralizedRCNN(own.backbone, own.rpn, own.roi_heads, own.transform).eval()
    ours, bare = [], []
    for _ in range(rounds + 1):
        ours.append(timed(partial(predictor, image))[1])
        bare.append(timed(partial(_bare, network, image))[1])
    ratios = [one / other for one, other in zip(ours[1:], bare[1:], strict=True)]
    return {
        "ours ms": 1e3 * median(ours[1:]),
        "torchvision ms": 1e3 * median(bare[1:]),
        "found": len(predictor(image).boxes),
        "ratio": median(ratios),
    }


@torch.inference_mode()
def _bare(network: GeneralizedRCNN, image: np.ndarray) -> dict[str, np.ndarray]:
    """Run what torchvision's users write: to RGB in 0..1, through the network, to arrays."""
    (one,) = network([torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1).float() / 255])
    return {name: value.numpy() for name, value in one.items()}


def _scene(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw keypoints (n, K, 2) anywhere in boxes (n, 4) of persons of 20 to 250 pixels in an image."""
    sides = rng.uniform(20, 250, (n, 2))
    corners = rng.uniform(0, 1, (n, 2)) * (_INPUT - 1 - sides)
    points = corners[:, None] + rng.uniform(0, 1, (n, _K, 2)) * sides[:, None]
    return points, np.concatenate([corners, corners + sides], axis=1)


def _maps(hm: np.ndarray, hm_hp: np.ndarray) -> dict[str, torch.Tensor]:
    """Make CenterNet's six maps with these heatmaps; boxes are 20 cells wide everywhere, keypoints at their centres."""
    heatmaps = {
        name: torch.from_numpy(np.asarray(m, np.float32)) for name, m in (("hm", hm), ("hm_hp", hm_hp))
    }
    shape = heatmaps["hm"].shape[1:]
    others = dict(wh=torch.full((2, *shape), 20.0), hps=torch.zeros(2 * _K, *shape))
    offsets = {name: torch.full((2, *shape), 0.5) for name in ("reg", "hp_offset")}
    return heatmaps | others | offsets
