"""What backbones made of other libraries' networks have in common: one feature map, and weights by foreign names."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModule
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from kpplugins.structures import BadInputError

_NAMED = 3
"""How many tensors a message names."""


@dataclass(frozen=True)
class BackboneFacts:
    """What a config has to know of a network before it is built.

    Attributes:
        levels: (channels, stride) of its feature maps, from fine to coarse.
        mean: of the red, green and blue values (0 to 255) that its weights were trained with.
        std: likewise, the deviations.
        address: of its pretrained weights; ``None`` if there are none.
        divisor: sides of the input must be multiples of it; 1 for networks that take any size.
        sized: it has parameters for every place of its input, so it is built for one size.
    """

    levels: tuple[tuple[int, int], ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    address: str | None
    divisor: int = 1
    sized: bool = False

    def at(self, stride: int | None, name: str) -> tuple[int, int]:
        """Return (channels, stride) of a level.

        Args:
            stride: of the level; ``None`` is the coarsest.
            name: of the network, for the message.

        Raises:
            BadInputError: it has no such level.
        """
        found = [level for level in self.levels if stride in (None, level[1])]
        if not found:
            raise BadInputError(
                f"{name} has no features of stride {stride}", where="backbone",
                expected=" or ".join(str(n) for n in sorted({s for _, s in self.levels})),
            )  # fmt: skip
        return found[-1]


class FeatureBackbone(BaseModule):
    """A network of another library that returns one feature map (N, C, H/stride, W/stride).

    The weights of ``init_cfg=dict(type="Pretrained", checkpoint=ADDRESS)`` may have the library's own names, or those
    of a checkpoint of this project.
    """

    net: nn.Module

    @abstractmethod
    def fresh(self, weights: dict[str, Tensor] | None) -> nn.Module:
        """Build the network again, with weights under the library's names where some are given.

        Raises:
            BadInputError: they are another network's.
        """

    def init_weights(self) -> None:
        """Load the pretrained weights that ``init_cfg`` names; without any, the library's own initialisation stays."""
        for init in self.init_cfg if isinstance(self.init_cfg, list) else [self.init_cfg or {}]:
            if init.get("type") == "Pretrained" and init.get("checkpoint"):
                content = CheckpointLoader.load_checkpoint(init["checkpoint"], "cpu", logger="silent")
                self.load_state_dict(self.translated(_tensors_of(content, init.get("prefix") or "")))
        self._is_init = True

    def translated(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return weights under the names of this module.

        Args:
            weights: under the library's names, or those of this module, alone or in a whole model.

        Returns:
            A tensor for every one of this module's.

        Raises:
            BadInputError: they do not give every tensor that is initialised at random.
        """
        own = self.state_dict()
        for start in ("", "backbone.", "module.backbone."):
            if all(f"{start}{name}" in weights for name in own):
                return {name: weights[f"{start}{name}"] for name in own}
        seed, made = torch.initial_seed(), []
        for number in (seed, seed + 1):  # what differs between two networks, is in neither from the file
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(number)
                made.append({f"net.{k}": v for k, v in self.fresh(dict(weights)).state_dict().items()})
        lacking = [name for name, value in made[0].items() if not torch.equal(value, made[1][name])]
        if lacking:
            raise BadInputError(
                "weights of another network", expected=f"{len(own)} tensors of {self.net_name}",
                found=f"{len(weights)}, but none for {', '.join(lacking[:_NAMED])}"
                + (", …" if len(lacking) > _NAMED else ""),
            )  # fmt: skip
        return made[0]

    @property
    @abstractmethod
    def net_name(self) -> str:
        """Return the network's name in its library."""


def _tensors_of(content: Any, prefix: str) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint, those under a prefix without it."""
    found = content.get("state_dict", content) if isinstance(content, dict) else {}
    start = f"{prefix.rstrip('.')}." if prefix else ""
    return {
        k.removeprefix(start): v for k, v in found.items() if isinstance(v, Tensor) and k.startswith(start)
    }


def on_pixels(values: Sequence[float]) -> tuple[float, ...]:
    """Return means or deviations of values from 0 to 1 as those of values from 0 to 255.

    Args:
        values: red, green, blue.

    Returns:
        The same, to three digits, as OpenMMLab's configs state them.
    """
    return tuple(round(255 * value, 3) for value in values)
