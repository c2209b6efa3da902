"""The six outputs of CenterNet for boxes and keypoints."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.heads.base_head import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from torch import Tensor, nn

from kpplugins.codecs.centernet_decode import mirrored_back
from kpplugins.models.blocks.cells import branch_at, neighbourhoods
from kpplugins.models.losses.masked_l1_loss import MaskedL1Loss
from kpplugins.models.losses.penalty_reduced_focal_loss import PenaltyReducedFocalLoss
from kpplugins.structures import BadInputError

HEATMAP_BIAS = -2.19
"""Initial bias of the heatmaps' last layer: its sigmoid is 0.1."""
LOSS_WEIGHTS = dict(hm=1.0, wh=0.1, off=1.0, hp=1.0, hm_hp=1.0, hp_offset=1.0)
"""As published (section 4 of the paper, and the authors' defaults)."""


@MODELS.register_module()
class CenterNetPoseHead(BaseHead):
    """CenterNet's outputs for boxes and keypoints (Zhou et al. 2019, "Objects as Points", arXiv 1904.07850).

    Six branches per stack, with the authors' names: ``hm`` heatmaps of centres, one per class; ``wh`` box sizes;
    ``hps`` keypoints relative to the centre's cell, x0, y0, x1, …; ``reg`` offsets of centres within their cells;
    ``hm_hp`` heatmaps of the keypoints; ``hp_offset`` their offsets. Each is a 3×3 convolution, ReLU, and a 1×1
    convolution, with the parameters ``branches.{stack}.{branch}.0`` and ``.2``. All stacks are supervised, and the last
    one predicts.

    Dimensions: N images, C classes, K keypoints, [H, W] features, of the size of the codec's heatmaps.

    Args:
        in_channels: of the features.
        out_channels: K. ``None`` in a config is filled from the dataset's schema.
        num_classes: C. ``None`` in a config is filled from the dataset.
        feat_channels: between the two convolutions.
        num_stacks: number of the backbone's last outputs to use.
        loss_weights: of ``hm``, ``wh``, ``off``, ``hp``, ``hm_hp``, ``hp_offset``; the others are as published.
        heatmap_loss: config of the loss of ``hm`` and ``hm_hp``.
        vector_loss: config of the loss of the other four.
        decoder: config of the codec ``CenterNetKeypoints``.
        init_cfg: MMEngine's initialisation config. Default: PyTorch's own, as in the authors' hourglass.

    Raises:
        BadInputError: C or K is missing, the codec has another C or another map size, there are fewer features than
            stacks, or a loss weight has an unknown name.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        num_classes: int | None = None,
        feat_channels: int = 256,
        num_stacks: int = 1,
        loss_weights: Mapping[str, float] | None = None,
        heatmap_loss: dict | None = None,
        vector_loss: dict | None = None,
        decoder: dict | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        for name, value in (
            ("out_channels", out_channels),
            ("num_classes", num_classes),
            ("num_stacks", num_stacks),
        ):
            if value is None or value < 1:
                raise BadInputError(
                    f"wrong {name} of CenterNetPoseHead", where=f"model.head.{name}", expected="1 or more",
                    found=str(value),
                    todo="load the config with kpplugins.load_config, which fills in None from the data",
                )  # fmt: skip
        unknown = set(loss_weights or {}) - set(LOSS_WEIGHTS)
        if unknown:
            raise BadInputError(
                "unknown loss", where="model.head.loss_weights", expected=", ".join(LOSS_WEIGHTS),
                found=", ".join(sorted(unknown)),
            )  # fmt: skip
        self.in_channels, self.out_channels, self.num_classes = in_channels, out_channels, num_classes
        self.num_stacks, self.loss_weights = num_stacks, {**LOSS_WEIGHTS, **(loss_weights or {})}
        self.outputs = dict(
            hm=num_classes, wh=2, hps=2 * (out_channels or 0), reg=2, hm_hp=out_channels, hp_offset=2
        )
        self.branches = nn.ModuleList(
            nn.ModuleDict({name: _branch(in_channels, feat_channels, n) for name, n in self.outputs.items()})
            for _ in range(num_stacks)
        )
        self._set_heatmap_bias()
        self.heatmap_loss = MODELS.build(heatmap_loss or dict(type=PenaltyReducedFocalLoss))
        self.vector_loss = MODELS.build(vector_loss or dict(type=MaskedL1Loss))
        self.decoder = KEYPOINT_CODECS.build(decoder) if decoder is not None else None
        if self.decoder is not None and self.decoder.num_classes != num_classes:
            raise BadInputError(
                "the head and the codec have different numbers of classes",
                where="model.head.num_classes and codec.num_classes",
                found=f"{num_classes} and {self.decoder.num_classes}", todo="set both to None",
            )  # fmt: skip

    def init_weights(self) -> None:
        """Initialise by ``init_cfg``, then set the heatmaps' bias, unless weights are loaded."""
        super().init_weights()
        configs = self.init_cfg if isinstance(self.init_cfg, list) else [self.init_cfg or {}]
        if configs and all(cfg.get("type") not in (None, "Pretrained") for cfg in configs):
            self._set_heatmap_bias()

    def forward(self, feats: Sequence[Tensor]) -> list[dict[str, Tensor]]:
        """Return one dict per stack with the six maps (N, …, H, W), heatmaps before the sigmoid."""
        feats = self._used(feats)
        return [self._maps(stack, feat) for stack, feat in enumerate(feats)]

    def loss(
        self, feats: Sequence[Tensor], batch_data_samples: Any, train_cfg: dict | None = None
    ) -> dict[str, Tensor]:
        """Return ``loss_hm``, ``loss_wh``, ``loss_off``, ``loss_hp``, ``loss_hm_hp``, ``loss_hp_offset``, weighted.

        Each is the mean over the stacks. For images without instances all but the two heatmap losses are 0. The four
        branches without a heatmap are computed only at the cells that their losses look at.
        """
        feats = self._used(feats)
        heatmaps = [
            {name: cast(Any, self.branches[stack])[name](feat) for name in ("hm", "hm_hp")}
            for stack, feat in enumerate(feats)
        ]
        fields = {
            name: torch.stack([d.gt_fields.get(name) for d in batch_data_samples])
            for name in ("heatmaps", "heatmap_mask", "keypoint_heatmaps", "keypoint_heatmap_mask")
        }
        labels = batch_data_samples[0].gt_instance_labels
        labels = {
            name: torch.cat([d.gt_instance_labels.get(name) for d in batch_data_samples])
            for name in labels.keys()  # noqa: SIM118  # not a dict
        }
        counts = [len(d.gt_instance_labels.center_indices) for d in batch_data_samples]
        for name, branch in (("heatmaps", "hm"), ("keypoint_heatmaps", "hm_hp")):
            _require_same_size(heatmaps[-1][branch], fields[name], branch)
        device = heatmaps[-1]["hm"].device
        image = torch.repeat_interleave(
            torch.arange(len(counts), device=device), torch.tensor(counts, device=device)
        )
        stacks = [
            {**self._heatmap_losses(maps, fields), **self._vector_losses(stack, feat, labels, image)}
            for stack, (feat, maps) in enumerate(zip(feats, heatmaps, strict=True))
        ]
        means = {name: torch.stack([losses[name] for losses in stacks]).mean() for name in LOSS_WEIGHTS}
        return {f"loss_{name}": self.loss_weights[name] * value for name, value in means.items()}

    def predict(self, feats: Any, batch_data_samples: Any, test_cfg: dict | None = None) -> Any:
        """Decode the instances of the last stack, in input pixels, by descending score; no NMS.

        With ``flip_test``, ``feats`` is a list of two: the features of the images and of the mirrored images. The
        probabilities, sizes and keypoint vectors are averaged; both offsets are the plain image's.

        Args:
            feats: outputs of the backbone.
            batch_data_samples: their ``flip_indices`` are needed for ``flip_test``.
            test_cfg: ``flip_test`` (False); ``score_thr`` (0.01), the least score of an instance; ``max_per_img``
                (default: the codec's ``top_k``); ``output_heatmaps`` (False), to return all heatmaps, too, classes
                first.

        Returns:
            A list of ``InstanceData`` with arrays ``bboxes`` (M, 4), ``bbox_scores`` (M,), ``labels`` (M,), 0-based,
            ``keypoints`` (M, K, 2) and ``keypoint_scores`` (M, K).

        Raises:
            BadInputError: there is no codec, or the network outputs NaN.
        """
        test_cfg = test_cfg or {}
        if self.decoder is None:
            raise BadInputError("the head has no codec to decode with", where="model.head.decoder")
        if test_cfg.get("flip_test", False):
            maps, mirrored = (self._probable(f) for f in feats)
            maps = self.averaged(maps, mirrored, batch_data_samples[0].metainfo["flip_indices"])
        else:
            maps = self._probable(feats)
        low, most = self.least_score(test_cfg), test_cfg.get("max_per_img", None)
        predictions = []
        for found in self.decoder.batch_decode(maps):
            kept = int((found["bbox_scores"] >= low).sum())  # they are sorted
            kept = kept if most is None else min(kept, most)
            predictions.append(InstanceData(**{name: value[:kept] for name, value in found.items()}))
        if test_cfg.get("output_heatmaps", False):
            return predictions, [
                PixelData(heatmaps=m) for m in torch.cat([maps["hm"], maps["hm_hp"]], 1).detach()
            ]
        return predictions

    def averaged(
        self, maps: Mapping[str, Tensor], mirrored: Mapping[str, Tensor], flip_indices: Sequence[int]
    ) -> dict[str, Tensor]:
        """Return the maps of the flip test; both offsets are those of the image that is not mirrored.

        Args:
            maps: of an image, heatmaps as probabilities.
            mirrored: of the mirrored image.
            flip_indices: (K,) index of each keypoint's mirror partner.
        """
        back = mirrored_back(mirrored, flip_indices, cast(Any, self.decoder).stride)
        return {**maps, **{name: (maps[name] + value) / 2 for name, value in back.items()}}

    @staticmethod
    def least_score(test_cfg: Mapping[str, Any]) -> float:
        """Return the least score of an instance."""
        return float(test_cfg.get("score_thr", 0.01))

    def _heatmap_losses(self, maps: dict[str, Tensor], fields: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the two losses of one stack's heatmaps, not weighted."""
        return dict(
            hm=self.heatmap_loss(maps["hm"], fields["heatmaps"], fields["heatmap_mask"]),
            hm_hp=self.heatmap_loss(
                maps["hm_hp"], fields["keypoint_heatmaps"], fields["keypoint_heatmap_mask"]
            ),
        )

    def _vector_losses(
        self, stack: int, feat: Tensor, labels: dict[str, Tensor], image: Tensor
    ) -> dict[str, Tensor]:
        """Return the four losses of one stack's vectors, not weighted.

        Args:
            stack: its number.
            feat: (N, C, H, W) its features.
            labels: of all instances of the batch, as the codec names them.
            image: (n,) the image of each instance.
        """
        branches = cast(Any, self.branches[stack])
        instances, points = labels["instance_weights"], labels["keypoint_weights"]
        around = neighbourhoods(feat, image, labels["center_indices"])
        at_centre = {name: branch_at(branches[name], around) for name in ("wh", "hps", "reg")}
        vectors = at_centre["hps"].unflatten(1, (-1, 2))
        learnt = points > 0
        at_point = neighbourhoods(
            feat, image[:, None].expand_as(points)[learnt], labels["keypoint_indices"][learnt]
        )
        offsets = branch_at(branches["hp_offset"], at_point)
        return dict(
            wh=self.vector_loss(at_centre["wh"], labels["box_sizes"], instances),
            off=self.vector_loss(at_centre["reg"], labels["center_offsets"], instances),
            hp=self.vector_loss(vectors, labels["keypoint_vectors"], points * instances[:, None]),
            hp_offset=self.vector_loss(offsets, labels["keypoint_offsets"][learnt], points[learnt]),
        )

    def _maps(self, stack: int, feat: Tensor) -> dict[str, Tensor]:
        branches = cast(nn.ModuleDict, self.branches[stack])
        return {name: branch(feat) for name, branch in branches.items()}

    def _probable(self, feats: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return the maps of the last stack as probabilities, and stop where they are no numbers."""
        maps = self._maps(-1, self._used(feats)[-1])
        if not torch.isfinite(maps["hm"]).all():
            raise BadInputError(
                "the network outputs NaN or infinity", where="CenterNetPoseHead, heatmaps of centres",
                todo="the training has diverged: use an earlier checkpoint, or train with a lower learning rate",
            )  # fmt: skip
        return self.as_probabilities(maps)

    @staticmethod
    def as_probabilities(maps: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return one stack's maps in float32, heatmaps after the sigmoid."""
        return {
            name: value.float().sigmoid() if name in ("hm", "hm_hp") else value.float()
            for name, value in maps.items()
        }

    def _used(self, feats: Sequence[Tensor]) -> Sequence[Tensor]:
        if len(feats) < self.num_stacks:
            raise BadInputError(
                "fewer features than stacks of the head", where="model.head.num_stacks",
                expected=f"at most {len(feats)}, the outputs of the backbone", found=str(self.num_stacks),
            )  # fmt: skip
        return feats[-self.num_stacks :]

    def _set_heatmap_bias(self) -> None:
        for stack in self.branches:
            for name in ("hm", "hm_hp"):
                nn.init.constant_(cast(Any, stack)[name][-1].bias, HEATMAP_BIAS)


def _branch(in_channels: int, feat_channels: int, out_channels: int | None) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, feat_channels, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(feat_channels, out_channels or 0, 1),
    )


def _require_same_size(output: Tensor, target: Tensor, branch: str) -> None:
    if output.shape != target.shape:
        (c, h, w), (tc, th, tw) = output.shape[1:], target.shape[1:]
        raise BadInputError(
            f"{branch} and its targets have different sizes", where="codec.heatmap_size, model.head",
            expected=f"{c} maps of {w}×{h}, the network's output", found=f"{tc} of {tw}×{th} from the codec",
        )  # fmt: skip
