"""Networks of torchvision as backbones."""

from functools import lru_cache
from typing import Any

import torch
import torchvision
from mmpose.registry import MODELS
from torch import Tensor, fx, nn
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

from kpplugins.models.backbones.feature_backbone import BackboneFacts, FeatureBackbone, on_pixels
from kpplugins.structures import BadInputError

_SIDE = 128
"""Side of the image that is sent through a network to find its levels."""


@MODELS.register_module()
class TorchvisionBackbone(FeatureBackbone):
    """A classifier of torchvision, cut off behind the features of one stride.

    Args:
        model: its name in torchvision: ``mobilenet_v2``.
        stride: of the features. Default: the coarsest.
        args: further arguments of the network.
        init_cfg: ``dict(type="Pretrained", checkpoint=ADDRESS)``. Default: torchvision's random initialisation.

    Raises:
        BadInputError: torchvision has no such network, or the network no such stride.
    """

    def __init__(
        self,
        model: str,
        stride: int | None = None,
        args: dict[str, Any] | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.model, self.args = model, dict(args or {})
        self.channels, self.stride = torchvision_facts(model, _pairs(self.args)).at(stride, model)
        self.net = self.fresh(None)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Return the features (N, C, H/stride, W/stride)."""
        return (self.net(x)["features"],)

    def fresh(self, weights: dict[str, Tensor] | None) -> nn.Module:
        """Build the network again, with weights under torchvision's names where some are given."""
        whole = torchvision.models.get_model(self.model, **self.args)
        if weights is not None:
            own = whole.state_dict()
            whole.load_state_dict(
                {k: v for k, v in weights.items() if k in own and own[k].shape == v.shape}, strict=False
            )
        node = next(
            name for name, _, stride in _levels(self.model, _pairs(self.args)) if stride == self.stride
        )
        return create_feature_extractor(whole, {node: "features"})

    @property
    def net_name(self) -> str:
        """Return the network's name in torchvision."""
        return f"torchvision's {self.model}"


@lru_cache(maxsize=32)
def torchvision_facts(model: str, args: tuple[tuple[str, Any], ...] = ()) -> BackboneFacts:
    """Find out what a config has to know of a network of torchvision; it is built without memory for its weights.

    Args:
        model: its name in torchvision.
        args: further arguments of it, as sorted pairs.

    Returns:
        Its levels, norm and weights.

    Raises:
        BadInputError: torchvision has no such network, or it has no feature maps.
    """
    names = torchvision.models.list_models(torchvision.models)
    if model not in names:
        near = [name for name in names if name[:5] == model[:5]][:3] or names[:3]
        raise BadInputError(
            f"torchvision has no network {model!r}", where="backbone", expected=f"e.g. {', '.join(near)}"
        )
    levels = _levels(model, args)
    if not levels:
        raise BadInputError(
            f"torchvision's {model} gives no feature maps", where="backbone", todo=f'try "timm:{model}"'
        )
    norm = torchvision.models.get_model_weights(model).DEFAULT.transforms()
    return BackboneFacts(
        levels=tuple((channels, stride) for _, channels, stride in levels),
        mean=on_pixels(norm.mean),
        std=on_pixels(norm.std),
        address=f"torchvision://{model}",
    )


@lru_cache(maxsize=32)
def _levels(model: str, args: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, int, int], ...]:
    """Return node, channels and stride of the last features of every stride, from fine to coarse."""
    found: dict[int, tuple[str, int, int]] = {}
    try:
        whole = _without_memory(model, args)
        with torch.device("meta"):
            maps = create_feature_extractor(whole, _nodes(whole))(torch.zeros(1, 3, _SIDE, _SIDE))
    except (RuntimeError, ValueError, TypeError, AssertionError, NotImplementedError, fx.proxy.TraceError):
        return ()
    for name, value in maps.items():
        if isinstance(value, Tensor) and value.ndim == 4 and value.shape[2] == value.shape[3] > 1:
            stride = _SIDE // value.shape[2]
            if stride > 1 and stride & (stride - 1) == 0 and stride * value.shape[2] == _SIDE:
                found[stride] = (name, value.shape[1], stride)
    return tuple(found[stride] for stride in sorted(found))


def _without_memory(model: str, args: tuple[tuple[str, Any], ...]) -> nn.Module:
    try:
        with torch.device("meta"):
            return torchvision.models.get_model(model, **dict(args)).eval()
    except NotImplementedError:  # values are looked at while it is built
        return torchvision.models.get_model(model, **dict(args)).eval().to("meta")


def _nodes(whole: nn.Module) -> list[str]:
    train, test = get_graph_node_names(whole)
    return [name for name in test if name in train]


def _pairs(args: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(args.items()))
