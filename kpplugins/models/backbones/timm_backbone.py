"""Networks of timm as backbones."""

from functools import lru_cache
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor, nn

from kpplugins.extras import cure
from kpplugins.models.backbones.feature_backbone import BackboneFacts, FeatureBackbone, on_pixels
from kpplugins.structures import BadInputError

SCHEME = "timm://"
"""Before the name of a network in the address of its pretrained weights."""


@MODELS.register_module()
class TimmBackbone(FeatureBackbone):
    """A network of timm, cut off behind the features of one stride.

    Args:
        model: its name in timm, with or without the tag of its weights: ``resnet18.a1_in1k``.
        stride: of the features. Default: the coarsest.
        img_size: (height, width) of the input, for networks with parameters for every place, such as transformers.
        args: further arguments of the network, such as ``dict(drop_path_rate=0.1)``.
        init_cfg: ``dict(type="Pretrained", checkpoint=ADDRESS)``. Default: timm's random initialisation.

    Raises:
        BadInputError: timm is not installed, has no such network, or the network no such stride.
    """

    def __init__(
        self,
        model: str,
        stride: int | None = None,
        img_size: tuple[int, int] | None = None,
        args: dict[str, Any] | None = None,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.model, self.args = model, dict(args or {})
        facts = timm_facts(model, tuple(sorted(self.args.items())))
        self.channels, self.stride = facts.at(stride, model)
        strides = [level[1] for level in facts.levels]
        self._index = len(strides) - 1 - strides[::-1].index(self.stride)  # the last of that stride
        self._plain = facts.sized and len(set(strides)) == 1
        if facts.sized and img_size is not None:
            self.args["img_size"] = tuple(img_size)
        self.net = self.fresh(None)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Return the features (N, C, H/stride, W/stride)."""
        (features,) = self.net(x)
        if str(getattr(self.net, "output_fmt", "NCHW")).endswith("NHWC"):
            features = features.permute(0, 3, 1, 2)
        return (features,)

    def fresh(self, weights: dict[str, Tensor] | None) -> nn.Module:
        """Build the network again, with weights under timm's names where some are given."""
        args = dict(self.args)
        if weights is not None:
            args |= dict(pretrained=True, pretrained_cfg_overlay=dict(state_dict=weights))
        try:
            return _features(self.model, self._index, self._plain, args)
        except BadInputError:
            raise
        except (RuntimeError, KeyError, ValueError, AssertionError, TypeError, AttributeError) as error:
            what = "weights of another network" if weights else f"timm cannot build {self.model}"
            raise BadInputError(what, where="model.backbone", found=_first_line(error)) from error

    @property
    def net_name(self) -> str:
        """Return the network's name in timm."""
        return f"timm's {self.model}"


@lru_cache(maxsize=32)
def timm_facts(model: str, args: tuple[tuple[str, Any], ...] = ()) -> BackboneFacts:
    """Find out what a config has to know of a network of timm; it is built without memory for its weights.

    Args:
        model: its name in timm, with or without the tag of its weights.
        args: further arguments of it, as sorted pairs.

    Returns:
        Its levels, norm and weights.

    Raises:
        BadInputError: timm is not installed, or has no such network.
    """
    timm = _timm()
    try:
        known = timm.get_pretrained_cfg(model) if timm.is_model(model) else None
    except RuntimeError:  # no such tag
        known = None
    if known is None:
        architecture = model.split(".")[0]
        near = timm.list_pretrained(f"{architecture}.*")[:3] if timm.is_model(architecture) else []
        near = (
            near
            or timm.list_models(f"*{model.split('.')[0].split('_')[0]}*")[:3]
            or timm.list_models("resnet1*")
        )
        raise BadInputError(
            f"timm has no network {model!r}", where="backbone", expected=f"e.g. {', '.join(near)}"
        )
    try:
        with torch.device("meta"):
            net = timm.create_model(model, features_only=True, **dict(args))
    except (RuntimeError, NotImplementedError):  # values are looked at while it is built
        net = timm.create_model(model, features_only=True, **dict(args))
    except (TypeError, AssertionError, ValueError, AttributeError) as error:
        raise BadInputError(
            f"timm's {model} gives no feature maps", where="backbone", found=_first_line(error)
        ) from error
    levels = tuple(zip(net.feature_info.channels(), net.feature_info.reduction(), strict=True))
    return BackboneFacts(
        levels=levels,
        mean=on_pixels(known.mean),
        std=on_pixels(known.std),
        address=f"{SCHEME}{model}" if known.has_weights else None,
        divisor=max(stride for _, stride in levels) if known.fixed_input_size else 1,
        sized=bool(known.fixed_input_size),
    )


def _features(model: str, index: int, plain: bool, args: dict[str, Any]) -> nn.Module:
    """Build a network that returns the features of one level; a plain transformer's with its last norm."""
    timm = _timm()
    whole = timm.create_model(model, num_classes=0, **args) if plain else None
    if whole is not None and hasattr(whole, "norm") and hasattr(whole, "forward_intermediates"):
        return _NormedBlock(whole)
    return timm.create_model(model, features_only=True, out_indices=(index,), **args)


class _NormedBlock(nn.Module):
    """A plain transformer that returns the features of its last block, normalised."""

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.model = whole

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the features (N, C, H/stride, W/stride)."""
        model: Any = self.model
        return model.forward_intermediates(x, indices=1, norm=True, intermediates_only=True)


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise BadInputError("timm is not installed", where="backbone", todo=cure("timm")) from error
    return timm


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:150]
