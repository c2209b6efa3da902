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
"""Our names in ``test_cfg``, and torchvision's."""
_TRAINED = 3
"""Layers of a pretrained backbone that are trained, as in torchvision."""


@MODELS.register_module()
class KeypointRCNN(BaseModel):
    """torchvision's Keypoint R-CNN (He et al., "Mask R-CNN", 2017, arXiv 1703.06870), for any keypoints and classes.

    It predicts proposals, and for each a class, a box and K heatmaps of 56×56, each trained as a classification over
    its 56² cells. The four parts (``transform``, ``backbone``, ``rpn``, ``roi_heads``) are torchvision's, with
    torchvision's names: weights are interchangeable, and results are identical to torchvision's.

    Coordinates: keypoints are used without an offset, as in torchvision's own training on COCO: x falls into cell
    floor((x - x1) · 56 / w) of its box, and predictions are the middles of cells of the enlarged heatmap, so there is
    no shift on average. Boxes are xyxy. Keypoints outside the box of their instance are not learnt.

    ``loss`` returns ``loss_classifier``, ``loss_box_reg``, ``loss_keypoint``, ``loss_objectness`` and
    ``loss_rpn_box_reg``. Images without instances train as background; for a batch of such images the losses of boxes
    and keypoints are 0, with gradients of 0 for every weight. See ``target_of`` for the targets. Crowds are ignored,
    whereas torchvision's own training treats them as background.

    ``predict`` adds ``pred_instances`` in NumPy, sorted by ``bbox_scores``: ``bboxes`` (M, 4) xyxy, ``bbox_scores``
    (M,), ``labels`` (M,) from 0, ``keypoints`` (M, K, 2), ``keypoint_scores`` (M, K): the sigmoid of the heatmap's
    value at the keypoint, which torchvision returns raw; the order is the same, and 0 becomes 0.5. M may be 0.

    Args:
        num_keypoints: K; ``None`` counts ``keypoint_names``.
        num_classes: number of classes, without background; ``None`` counts ``class_names``.
        backbone: any ResNet of torchvision (``resnet18``, …, ``wide_resnet101_2``) or ``mobilenet_v2``,
            ``mobilenet_v3_large``, ``mobilenet_v3_small``, with an FPN of strides 4, 8, 16 and 32.
        weights: loaded when training initialises the model: a file or an address; ``coco``, the published
            ``keypointrcnn_resnet50_fpn_coco-fc266e95.pth``; or ``imagenet``, the backbone of torchvision's
            classifier. See ``transfer``.
        min_size: length of the shorter side in pixels after resizing, or several to draw from in training; tests use
            the last one. Default: torchvision's 640, 672, …, 800.
        max_size: limit of the longer side in pixels; takes precedence.
        trainable_backbone_layers: counted from the end, 0 to 5 for ResNets, to 6 for MobileNets; default 3. Without
            ``weights`` all are trained, as in torchvision.
        norm: of the backbone: ``frozen`` or ``batch``. Default: frozen with ``weights``, else batch.
        norm_eps: of frozen norm. Default: 0 with the published file, as in torchvision, else 1e-5.
        fpn_channels: of the features that all heads use; fewer make a CPU several times as fast.
        keypoint_layers: channels of the convolutions on each box's features. torchvision's eight of 512 cost 3.5 G
            multiply-adds per box; use fewer on a CPU.
        keypoint_names: of the K keypoints; rows of ``weights`` are matched by them.
        class_names: of the classes, without background; likewise.
        torchvision_args: further arguments of torchvision's ``KeypointRCNN``, e.g. ``box_batch_size_per_image``.
        channels_last: keep the weights in channels-last format: faster on a CPU, and equal to torchvision's numbers
            only up to rounding.
        data_preprocessor: default: ``ImageListPreprocessor``.
        test_cfg: ``score_thr`` (0.05), ``max_per_img`` (100), ``nms_thr`` (0.5). There is no flip test.
        init_cfg: MMEngine's initialisation; ``dict(type="Pretrained", checkpoint=…)`` is the same as ``weights``.

    Shapes: ``inputs``, a list of N images (3, h, w) RGB in 0..1, each in its original size.

    Raises:
        BadInputError: arguments that are unknown or contradict each other, or weights that cannot be loaded.
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
        channels_last: bool = False,
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
        if channels_last:
            self.to(memory_format=torch.channels_last)
            self.roi_heads.keypoint_predictor.register_forward_hook(_contiguous)

    def init_weights(self) -> None:
        """Load ``weights``, if any, and log the result. MMEngine's Runner calls it before training.

        Raises:
            BadInputError: the weights cannot be read or belong to another network.
        """
        if self.init_cfg:
            super().init_weights()
        if self.weights is not None:
            logger.info("%s", self.load_weights(self.weights))
        self._is_init = True

    def load_weights(self, weights: str | Path) -> Transferred:
        """Load weights; see ``transfer``.

        Args:
            weights: a file, an address or ``coco``.

        Returns:
            The tensors kept, newly initialised and left over.

        Raises:
            BadInputError: the weights cannot be read or belong to another network.
        """
        address = address_of(weights)
        return transfer(self, read_weights(address), address, self.keypoint_names, self.class_names)

    def loaded_from(self, source: str) -> None:
        """Set ``norm_eps`` after loading a whole checkpoint that was made from the file ``source``.

        The published file needs 0. The argument ``norm_eps`` takes precedence.
        """
        if self.norm_eps is None and norm_eps_of(source) == 0:
            set_norm_eps(self.backbone, 0.0)

    def forward(
        self,
        inputs: Sequence[Tensor],
        data_samples: list[PoseDataSample] | None = None,
        mode: str = "tensor",
    ) -> dict[str, Tensor] | list[PoseDataSample] | list[dict[str, Tensor]]:
        """Run MMEngine's mode ``loss`` or ``predict``, or ``tensor`` for torchvision's own detections.

        Raises:
            RuntimeError: an unknown mode, or one that contradicts ``train()`` or ``eval()``.
        """
        if mode not in ("loss", "predict", "tensor"):
            raise RuntimeError(f"unknown mode {mode!r}; expected loss, predict or tensor")
        if self.training != (mode == "loss"):
            wanted = "model.train()" if mode == "loss" else "model.eval()"
            raise RuntimeError(f"mode {mode!r} needs {wanted} first: torchvision's parts do one or the other")
        if mode == "loss":
            return self.loss(inputs, data_samples or [])
        return self.predict(inputs, data_samples or []) if mode == "predict" else self._run(inputs)[1]

    def loss(self, inputs: Sequence[Tensor], data_samples: list[PoseDataSample]) -> dict[str, Tensor]:
        """Return the five losses of a batch."""
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
        """Add the predictions to the samples, in pixels of the original images."""
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
        """Return losses in training, else detections, as torchvision's ``GeneralizedRCNN.forward`` does."""
        sizes = [(image.shape[-2], image.shape[-1]) for image in inputs]
        images, targets = self.transform(inputs, targets)
        for target, before, after in zip(targets or [], sizes, images.image_sizes, strict=False):
            # the transform resizes only the boxes that it knows
            target["ignored"] = resize_boxes(target["ignored"], before, after)
        features = self.backbone(images.tensors)
        proposals, of_proposals = self.rpn(images, features, targets)
        found, of_boxes = self.roi_heads(features, proposals, images.image_sizes, targets)
        return {**of_boxes, **of_proposals}, self.transform.postprocess(found, images.image_sizes, sizes)


def _number(name: str, value: int | None, names_name: str, names: Sequence[str] | None) -> int:
    """Return K or the number of classes, as given or counted from the names."""
    if value is None and names is not None:
        value = len(names)
    if value is None or value < 1 or (names is not None and len(names) != value):
        raise BadInputError(
            f"{name} and {names_name} do not agree",
            where=f"model.{name}",
            expected="1 or more, and as many names or none",
            found=f"{value} and {None if names is None else ', '.join(names)}",
        )
    return value


def _contiguous(part: torch.nn.Module, inputs: Any, output: Tensor) -> Tensor:
    """Forward hook: torchvision's loss of keypoints only takes maps in the default format."""
    return output.contiguous()


def _testing(test_cfg: Mapping[str, Any]) -> dict[str, Any]:
    """Translate our ``test_cfg`` to torchvision's names."""
    unknown = [key for key in test_cfg if key not in _TEST_CFG and key != "flip_test"]
    if unknown or test_cfg.get("flip_test"):
        raise BadInputError(
            "Keypoint R-CNN does not know this",
            where=f"model.test_cfg.{(unknown or ['flip_test'])[0]}",
            expected=", ".join(_TEST_CFG),
        )
    return {_TEST_CFG[key]: value for key, value in test_cfg.items() if key in _TEST_CFG}
