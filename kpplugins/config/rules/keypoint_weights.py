"""``keypoint_weights``: how much single keypoints count in the loss."""

import inspect
import math
from collections.abc import Iterator
from typing import Any

from mmengine.config import ConfigDict

from kpplugins.config.parts import pipeline_paths
from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import is_type, same, value_at
from kpplugins.structures import BadInputError

STEP = "WeighKeypoints"
_SWITCH = "use_target_weight"


class KeypointWeights(Rule):
    """Factors of the keypoints' errors in the loss, by name."""

    name = "keypoint_weights"
    goes_to = (
        "factors of single keypoints in the loss, `dict(nose=2)`: a `WeighKeypoints` after every `GenerateTarget` of "
        "training, and `use_target_weight` of the head's losses; in CenterNet not to its heatmaps"
    )
    needs = "a GenerateTarget whose codec gives weights per keypoint"

    def check(self) -> None:
        """Raise if the value is not a dict of numbers ≥ 0, of which some are positive."""
        value = self.value
        fine = isinstance(value, dict) and all(
            isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) and v >= 0
            for v in value.values()
        )
        if not fine:
            raise BadInputError(
                "not weights by keypoint", where="keypoint_weights", expected="dict(nose=2), numbers ≥ 0",
                found=repr(value),
            )  # fmt: skip

    def apply(self) -> None:
        """Insert the step, and let the losses use its weights."""
        for place in ("train_dataloader", "custom_hooks"):
            for path, pipeline in list(pipeline_paths(self.cfg.get(place) or {}, (place,))):
                self._insert(path, pipeline)
        if self.reached:
            for path in list(_losses(("model", "head"), value_at(self.cfg, ("model", "head")))):
                self.put((*path, _SWITCH), True)

    def _insert(self, path: tuple[str | int, ...], pipeline: list) -> None:
        weights = dict(self.value)
        for i in reversed(range(len(pipeline))):
            if not is_type(pipeline[i], "GenerateTarget") or not _gives_weights(pipeline[i].get("encoder")):
                continue
            if i + 1 < len(pipeline) and is_type(pipeline[i + 1], STEP):  # of a settled config
                if not same(dict(pipeline[i + 1].weights), weights):
                    pipeline[i + 1].weights = ConfigDict(weights)
            else:
                pipeline.insert(i + 1, ConfigDict(type=STEP, weights=weights, keypoints=None))
            self.reached = True


def _gives_weights(encoder: Any) -> bool:
    """Tell whether a codec's targets have weights per keypoint."""
    from mmpose.registry import KEYPOINT_CODECS

    several = encoder if isinstance(encoder, (list, tuple)) else [encoder]
    for codec in several:
        kind = codec.get("type") if isinstance(codec, dict) else None
        cls = KEYPOINT_CODECS.get(kind) if isinstance(kind, str) else kind
        if "keypoint_weights" in (getattr(cls, "label_mapping_table", None) or {}):
            return True
    return False


def _losses(path: tuple[str | int, ...], part: Any) -> Iterator[tuple[str | int, ...]]:
    """Yield the places of losses in a head that can use weights of targets but do not."""
    from mmpose.registry import MODELS

    if isinstance(part, (list, tuple)):
        for i, inner in enumerate(part):
            yield from _losses((*path, i), inner)
    elif isinstance(part, dict):
        kind = part.get("type")
        cls = MODELS.get(kind) if isinstance(kind, str) else kind
        switch = inspect.signature(cls).parameters.get(_SWITCH) if inspect.isclass(cls) else None
        if switch is not None and not part.get(_SWITCH, switch.default):
            yield path
        for key, inner in part.items():
            if key not in ("decoder", "init_cfg"):
                yield from _losses((*path, key), inner)
