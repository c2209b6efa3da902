"""``backbone``: any network of timm or torchvision, under any head that takes one feature map."""

import copy
import math
from typing import Any

from mmengine.config import ConfigDict

from kpplugins.config.parts import codecs_of
from kpplugins.config.rules.codec import Codec
from kpplugins.config.rules.input_size import resized_codec
from kpplugins.config.rules.network.head_input import HEATMAPS, HeadInput, head_input
from kpplugins.config.rules.rule import Replaced, Rule
from kpplugins.config.values import is_type, value_at
from kpplugins.models.backbones.feature_backbone import BackboneFacts
from kpplugins.models.backbones.timm_backbone import timm_facts
from kpplugins.models.backbones.torchvision_backbone import torchvision_facts
from kpplugins.structures import BadInputError

_LIBRARIES = {"timm": ("TimmBackbone", timm_facts), "torchvision": ("TorchvisionBackbone", torchvision_facts)}
_PLACE, _HEAD = ("model", "backbone"), ("model", "head")


class Backbone(Rule):
    """A network of another library in place of the model's backbone, with its pretrained weights.

    Neck and head follow the channels and the stride of its features, the codec the size of its heatmaps, and the norm
    of the images that of its weights. A head that belongs to another backbone, as an hourglass's, becomes MMPose's
    ``HeatmapHead``.
    """

    name = "backbone"
    goes_to = (
        '`model.backbone`: any network with feature maps, `"timm:NAME"` or `"torchvision:NAME"`, pretrained; or '
        "`dict(name=…, stride=16, args=…)`. Neck, head, `codec.heatmap_size` and the norm of the images follow; the "
        "head of an hourglass becomes a `HeatmapHead`"
    )
    needs = "a model that has the backbone of its base"

    def check(self) -> None:
        """Raise if the value names no network of a known library."""
        named = self._said().get("name")
        library, _, network = str(named).partition(":")
        keys = set(self._said()) - {"name", "stride", "args"}
        if not isinstance(named, str) or library not in _LIBRARIES or not network or keys:
            raise BadInputError(
                "not a backbone", where="backbone", found=repr(self.value),
                expected='"timm:NAME", "torchvision:NAME", or dict(name=…, stride=…, args=…)',
            )  # fmt: skip

    def apply(self) -> None:
        """Set backbone, neck, head, norm and codec."""
        model = self.cfg.get("model")
        if not isinstance(model, dict) or not isinstance(model.get("backbone"), dict):
            return
        if not self.inherited((*_PLACE, "type")):
            return
        said = self._said()
        library, _, network = said["name"].partition(":")
        type_, facts_of = _LIBRARIES[library]
        args = dict(said.get("args") or {})
        facts = facts_of(network, tuple(sorted(args.items())))
        channels, stride = facts.at(said.get("stride"), said["name"])
        self._fit_codec(facts, stride)
        size = self._size()
        backbone = dict(type=type_, model=network)
        backbone |= {"stride": stride} if said.get("stride") else {}
        backbone |= {"img_size": (size[1], size[0])} if facts.sized else {}
        backbone |= {"args": args} if args else {}
        if facts.address:
            backbone["init_cfg"] = dict(type="Pretrained", checkpoint=facts.address)
        own = self._own(_PLACE)
        self.put(_PLACE, ConfigDict({**backbone, **own}))
        features = (math.ceil(size[0] / stride), math.ceil(size[1] / stride))
        codec = (codecs_of(self.cfg) or [{}])[-1]
        self._require_one_stack()
        self._put_head(head_input(self.cfg.model.head, channels, stride, features, codec.get("heatmap_size")))
        self._put_norm(facts)

    def _said(self) -> dict[str, Any]:
        return dict(self.value) if isinstance(self.value, dict) else dict(name=self.value)

    def _own(self, path: tuple[str, ...]) -> dict[str, Any]:
        """Return what the config states itself of a part, above the layer that names the backbone."""
        part = value_at(self.cfg, path)
        return {
            k: v for k, v in part.items() if k not in ("type", "_scope_") and not self.inherited((*path, k))
        }

    def _stated_here(self, name: str) -> bool:
        """Tell whether another special name is stated by the layer that names the backbone, or by one above it."""
        return self.cfg.get(name) is not None and self.layer.origin(name) not in self.stated_by.below

    def _require_one_stack(self) -> None:
        if self._stated_here("num_stacks") and self.cfg.num_stacks != 1:
            raise BadInputError(
                "num_stacks would change nothing", where=self.layer.origin("num_stacks").name,
                found=f"{self.cfg.num_stacks} stacks, but a backbone with one feature map", todo="leave it out",
            )  # fmt: skip

    def _size(self) -> tuple[int, int]:
        """Return (w, h) of the network's input."""
        size = (codecs_of(self.cfg) or [{}])[-1].get("input_size")
        if size is None or len(codecs_of(self.cfg)) > 1:
            raise BadInputError(
                "backbone needs one codec with an input_size", where="codec",
                found=f"{len(codecs_of(self.cfg))} codecs" if codecs_of(self.cfg) else "none",
            )  # fmt: skip
        return int(size[0]), int(size[1])

    def _fit_codec(self, facts: BackboneFacts, stride: int) -> None:
        """Give the codec an input size that the network takes, and the size of the heatmaps that follow from it."""
        (w, h), before = self._size(), copy.deepcopy(self.cfg.codec)
        fit = tuple(max(1, round(n / facts.divisor)) * facts.divisor for n in (w, h))
        if fit != (w, h):
            if not self.inherited(("codec", "input_size")) or self._stated_here("input_size"):
                raise BadInputError(
                    "the backbone cannot take this input", where="input_size", found=f"{w}×{h}",
                    expected=f"multiples of {facts.divisor}", todo=f"input_size = {fit}",
                )  # fmt: skip
            for key, value in resized_codec(self.cfg.codec, fit).items():
                self.put(("codec", key), value)
        maps, head = self.cfg.codec.get("heatmap_size"), value_at(self.cfg, _HEAD)
        if maps and (is_type(head, *HEATMAPS) or is_type(head, "CenterNetPoseHead")):
            steps = round(math.log2(max(1.0, stride * maps[0] / fit[0])))
            made = tuple(math.ceil(n / stride) * 2**steps for n in fit)
            if made != tuple(maps) and self.inherited(("codec", "heatmap_size")):
                sigma = self.cfg.codec.get("sigma")
                if isinstance(sigma, (int, float)):
                    self.put(("codec", "sigma"), round(sigma * made[0] / maps[0], 4))
                self.put(("codec", "heatmap_size"), made)
        if self.cfg.codec != before:
            self.replaced["codec"] = Replaced(before, self.stated_by)
            Codec(self.cfg, self.layer, self.replaced, self.options).apply()

    def _put_head(self, feed: HeadInput) -> None:
        """Set neck and head, but what the config states of them itself."""
        neck = value_at(self.cfg, ("model", "neck"))
        if feed.neck is not None:
            self.put(("model", "neck"), ConfigDict(feed.neck))
        elif neck and not feed.keeps_neck:
            self.cfg.model.pop("neck")
        own = self._own(_HEAD)
        if feed.replaces:
            kept = {k: v for k, v in own.items() if k not in feed.gone}
            self.put(_HEAD, ConfigDict({**feed.values, **kept}))
        else:
            for key, value in feed.values.items():
                if key not in own:
                    self.put((*_HEAD, key), value)

    def _put_norm(self, facts: BackboneFacts) -> None:
        path = ("model", "data_preprocessor")
        if isinstance(value_at(self.cfg, path), dict):
            for key, value in (("mean", list(facts.mean)), ("std", list(facts.std)), ("bgr_to_rgb", True)):
                if self.inherited((*path, key)):
                    self.put((*path, key), value)
