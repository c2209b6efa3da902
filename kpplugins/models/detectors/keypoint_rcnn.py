"""Keypoint R-CNN as a model of MMPose."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.model import BaseModel
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor
from torchvision.models.detection.transform import resize_boxes

from kpplugins.models.data_preprocessors.image_list_preprocessor import ImageListPreprocessor
from kpplugins.models.detectors.keypoint_rcnn_network import ALL_LAYERS, build_network, set_norm_eps
from kpplugins.models.detectors.keypoint_rcnn_predictions import predicted
from kpplugins.models.detectors.keypoint_rcnn_targets import target_of
from kpplugins.models.detectors.keypoint_rcnn_weights import (
    Transferred,
    address_of,
    norm_eps_of,
    read_weights,
    transfer,
)
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
_TEST_CFG = {
    "score_thr": "box_score_thresh",
    "max_per_img": "box_detections_per_img",
    "nms_thr": "box_nms_thresh",
}
"""What our ``test_cfg`` says and torchvision's name for it."""
_TRAINED = 3
"""Layers of the backbone that are trained where it starts from weights, as torchvision has it."""


@MODELS.register_module()
class KeypointRCNN(BaseModel):
    """torchvision's Keypoint R-CNN (He et al., "Mask R-CNN", 2017, arXiv 1703.06870), for any points and classes.

    Proposals, then for each a class, a box and K heatmaps of 56×56 in it, each trained as one choice among 56² places.
    Its four parts (``transform``, ``backbone``, ``rpn``, ``roi_heads``) are torchvision's, under torchvision's names:
    weights go both ways as they are, and its results are torchvision's, number for number.

    Coordinates: points go in and come out unchanged, as in torchvision's own training on COCO: a point at x falls into
    place floor((x - x1) · 56 / w) of its box, and the middle of a place of the enlarged heatmap is what is read: on
    average nothing is shifted. Boxes are xyxy. Points of an instance outside its box do not train.

    ``loss`` gives ``loss_classifier``, ``loss_box_reg``, ``loss_keypoint``, ``loss_objectness`` and
    ``loss_rpn_box_reg``. Images without instances train as background; a batch of nothing else has losses of 0 for
    boxes and points, with gradients of 0 to every weight. What is learnt from: see ``target_of``. In crowds nothing is,
    not even that they are background, which torchvision's own training teaches.

    ``predict`` adds ``pred_instances`` in NumPy, sorted by ``bbox_scores``: ``bboxes`` (M, 4) xyxy, ``bbox_scores``
    (M,), ``labels`` (M,) from 0, ``keypoints`` (M, K, 2), ``keypoint_scores`` (M, K): the sigmoid of the heatmap's
    value at the point, which torchvision gives raw; the order is the same, 0.5 stands for 0. M may be 0.

    Args:
        num_keypoints: K; ``None`` counts ``keypoint_names``.
        num_classes: of objects, without background; ``None`` counts ``class_names``.
        backbone: any ResNet of torchvision (``resnet18``, …, ``wide_resnet101_2``) or ``mobilenet_v2``,
            ``mobilenet_v3_large``, ``mobilenet_v3_small``; features of strides 4, 8, 16 and 32 by an FPN.
        weights: loaded when training initialises the model: a file or an address; ``coco``, the published
            ``keypointrcnn_resnet50_fpn_coco-fc266e95.pth``; or ``imagenet``, the backbone of torchvision's
            classifier. See ``transfer``.
        min_size: of the shorter side in pixels, to which images are resized, or several to draw from in training, of
            which tests take the last. Default: torchvision's 640, 672, …, 800.
        max_size: of the longer side in pixels, which goes before.
        trainable_backbone_layers: counted from the end, 0 to 5 for ResNets, to 6 for MobileNets; default 3. Without
            ``weights`` all are trained, as torchvision has it.
        norm: of the backbone: ``frozen`` or ``batch``. Default: frozen with ``weights``, else batch.
        norm_eps: of frozen norm. Default: 0 with the published file, as torchvision sets it, else 1e-5.
        fpn_channels: of the features that all heads look at; fewer make a CPU several times as fast.
        keypoint_layers: channels of the convolutions on each box's features. torchvision's eight of 512 cost 3.5 G
            multiply-adds a box: on a CPU take fewer.
        keypoint_names: of the K points; rows of ``weights`` are kept by them.
        class_names: of the classes, without background; the same.
        torchvision_args: further arguments of torchvision's ``KeypointRCNN``, e.g. ``box_batch_size_per_image``.
        data_preprocessor: default: ``ImageListPreprocessor``.
        test_cfg: ``score_thr`` (0.05), ``max_per_img`` (100), ``nms_thr`` (0.5). There is no flip test.
        init_cfg: MMEngine's initialisation; ``dict(type="Pretrained", checkpoint=…)`` is the same as ``weights``.

    Shapes: ``inputs``, a list of N images (3, h, w) RGB in 0..1, each of its own size, not resized before.

    Raises:
        BadInputError: arguments that disagree or that nothing knows, or weights that fail.
    """

    def __init__(
        self,
        num_keypoints: int | None = None,
        num_classes: int | None = None,
        backbone: str = "resnet50",
        weights: str | Path | None = None,
        min_size: int | Sequence[int] | None = None,
        max_size: int = 1333,
        trainable_backbone_layers: int | None = None,
        norm: str | None = None,
        norm_eps: float | None = None,
        fpn_channels: int = 256,
        keypoint_layers: Sequence[int] = (512,) * 8,
        keypoint_names: Sequence[str] | None = None,
        class_names: Sequence[str] | None = None,
        torchvision_args: Mapping[str, Any] | None = None,
        data_preprocessor: dict | torch.nn.Module | None = None,
        test_cfg: Mapping[str, Any] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if init_cfg and init_cfg.get("type") == "Pretrained":
            weights, init_cfg = weights or init_cfg["checkpoint"], None
        if isinstance(data_preprocessor, Mapping):
            data_preprocessor = MODELS.build(data_preprocessor)
        super().__init__(data_preprocessor or ImageListPreprocessor(), init_cfg)
        self.num_keypoints = _number("num_keypoints", num_keypoints, "keypoint_names", keypoint_names)
        self.num_classes = _number("num_classes", num_classes, "class_names", class_names)
        self.keypoint_names, self.class_names = keypoint_names, class_names
        all_layers = ALL_LAYERS.get(backbone, 0)
        self.weights = address_of(weights, backbone) if weights and all_layers else None
        self.test_cfg = dict(test_cfg or {})
        some_layers = _TRAINED if trainable_backbone_layers is None else trainable_backbone_layers
        network = build_network(
            num_keypoints=self.num_keypoints,
            num_classes=self.num_classes,
            backbone=backbone,
            norm=norm or ("frozen" if self.weights else "batch"),
            norm_eps=norm_eps_of(self.weights) if norm_eps is None else norm_eps,
            trainable_layers=some_layers if self.weights else all_layers,
            fpn_channels=fpn_channels,
            min_size=min_size,
            max_size=max_size,
            keypoint_layers=keypoint_layers,
            arguments={**(torchvision_args or {}), **_testing(self.test_cfg)},
        )
        self.norm_eps = norm_eps
        self.transform, self.backbone = network.transform, network.backbone
        self.rpn, self.roi_heads = network.rpn, network.roi_heads

    def init_weights(self) -> None:
        """Load ``weights``, if any; what became of them is logged. MMEngine's Runner calls it before training.

        Raises:
            BadInputError: they cannot be had or are of another network.
        """
        if self.init_cfg:
            super().init_weights()
        if self.weights is not None:
            logger.info("%s", self.load_weights(self.weights))
        self._is_init = True

    def load_weights(self, weights: str | Path) -> Transferred:
        """Load weights from elsewhere; see ``transfer``.

        Args:
            weights: a file, an address or ``coco``.

        Returns:
            What was kept, made anew and left over.

        Raises:
            BadInputError: they cannot be had or are of another network.
        """
        address = address_of(weights)
        return transfer(self, read_weights(address), address, self.keypoint_names, self.class_names)

    def loaded_from(self, source: str) -> None:
        """A whole checkpoint was loaded, made of the file ``source``: to the published one belongs its ``norm_eps``.

        An argument ``norm_eps`` goes before.
        """
        if self.norm_eps is None and norm_eps_of(source) == 0:
            set_norm_eps(self.backbone, 0.0)

    def forward(
        self,
        inputs: Sequence[Tensor],
        data_samples: list[PoseDataSample] | None = None,
        mode: str = "tensor",
    ) -> dict[str, Tensor] | list[PoseDataSample] | list[dict[str, Tensor]]:
        """MMEngine's entry: ``loss``, ``predict``, or ``tensor`` for torchvision's own detections.

        Raises:
            RuntimeError: an unknown mode, or one that does not go with ``train()`` or ``eval()``.
        """
        if mode not in ("loss", "predict", "tensor"):
            raise RuntimeError(f"unknown mode {mode!r}; expected loss, predict or tensor")
        if self.training != (mode == "loss"):
            wanted = "model.train()" if mode == "loss" else "model.eval()"
            raise RuntimeError(
                f"mode {mode!r} needs {wanted} before it: torchvision's parts do one or the other"
            )
        if mode == "loss":
            return self.loss(inputs, data_samples or [])
        return self.predict(inputs, data_samples or []) if mode == "predict" else self._run(inputs)[1]

    def loss(self, inputs: Sequence[Tensor], data_samples: list[PoseDataSample]) -> dict[str, Tensor]:
        """The five losses of a batch."""
        targets = [
            target_of(
                sample,
                (image.shape[-2], image.shape[-1]),
                self.num_keypoints,
                self.num_classes,
                image.device,
            )
            for image, sample in zip(inputs, data_samples, strict=True)
        ]
        return self._run(inputs, targets)[0]

    def predict(self, inputs: Sequence[Tensor], data_samples: list[PoseDataSample]) -> list[PoseDataSample]:
        """The samples with what was found in them, in pixels of the original images."""
        for image, sample in zip(inputs, data_samples, strict=True):
            size = tuple(sample.metainfo.get("ori_shape", image.shape[-2:]))[:2]
            if size != tuple(image.shape[-2:]):
                raise BadInputError(
                    "a resized image",
                    where=str(sample.metainfo.get("img_path", "an image")),
                    expected=f"its own {size[1]}×{size[0]}",
                    found=f"{image.shape[-1]}×{image.shape[-2]}",
                    todo="leave resizing out of the test pipeline: KeypointRCNN does it by model.min_size",
                )
        for sample, found in zip(data_samples, self._run(inputs)[1], strict=True):
            sample.pred_instances = predicted(found)
        return data_samples

    def _run(
        self, inputs: Sequence[Tensor], targets: list[dict[str, Tensor]] | None = None
    ) -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
        """As torchvision's ``GeneralizedRCNN.forward``: losses in training, else detections."""
        sizes = [(image.shape[-2], image.shape[-1]) for image in inputs]
        images, targets = self.transform(inputs, targets)
        for target, before, after in zip(targets or [], sizes, images.image_sizes, strict=False):
            # of the others the transform knows that they are boxes
            target["ignored"] = resize_boxes(target["ignored"], before, after)
        features = self.backbone(images.tensors)
        proposals, of_proposals = self.rpn(images, features, targets)
        found, of_boxes = self.roi_heads(features, proposals, images.image_sizes, targets)
        return {**of_boxes, **of_proposals}, self.transform.postprocess(found, images.image_sizes, sizes)


def _number(name: str, value: int | None, names_name: str, names: Sequence[str] | None) -> int:
    """K or the number of classes, from itself or from the names."""
    if value is None and names is not None:
        value = len(names)
    if value is None or value < 1 or (names is not None and len(names) != value):
        raise BadInputError(
            f"{name} and {names_name} say no one number",
            where=f"model.{name}",
            expected="1 or more, and as many names or none",
            found=f"{value} and {None if names is None else ', '.join(names)}",
        )
    return value


def _testing(test_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Our ``test_cfg`` in torchvision's names."""
    unknown = [key for key in test_cfg if key not in _TEST_CFG and key != "flip_test"]
    if unknown or test_cfg.get("flip_test"):
        raise BadInputError(
            "Keypoint R-CNN does not know this",
            where=f"model.test_cfg.{(unknown or ['flip_test'])[0]}",
            expected=", ".join(_TEST_CFG),
        )
    return {_TEST_CFG[key]: value for key, value in test_cfg.items() if key in _TEST_CFG}
