"""Transfer of weights to torchvision's Keypoint R-CNN for any keypoints and classes.

The published file has COCO's 17 keypoints and one class. Only the last three layers depend on them; they have rows per
keypoint or class, which are kept where the names agree. A classifier's file provides only the backbone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import get_model_weights
from torchvision.models.detection import KeypointRCNN_ResNet50_FPN_Weights

from kpplugins.compat.checkpoints import safe_load, safe_load_url
from kpplugins.structures import BadInputError

COCO = KeypointRCNN_ResNet50_FPN_Weights.COCO_V1
COCO_KEYPOINTS = tuple(COCO.meta["keypoint_names"])
COCO_CLASSES = tuple(COCO.meta["categories"][1:])  # without "no person"
POINTS = "roi_heads.keypoint_predictor.kps_score_lowres"
SCORES = "roi_heads.box_predictor.cls_score"
BOXES = "roi_heads.box_predictor.bbox_pred"
_COUNTER = "num_batches_tracked"
_BODY = "backbone.body."
_CLASSIFIERS = ("fc.", "classifier.")
"""Prefixes of a classifier's last layers; a Keypoint R-CNN has none of them."""
_SHOWN = 3
"""Most tensors named in an error; the others are counted."""
Names = Sequence[str] | None


@dataclass
class Transferred:
    """The result of loading a file's weights.

    Args:
        source: the file or address.
        kept: names of the tensors taken from the file.
        by_name: last layers with some rows taken from the file, and the keypoints or classes of those rows.
        anew: newly initialised tensors: whole ones by name, else the rows beyond ``by_name`` (``LAYER of P, Q``).
        left_over: parts of the file that the model lacks: keypoints, classes, a classifier's layers, counters.
    """

    source: str
    kept: list[str] = field(default_factory=list)
    by_name: dict[str, list[str]] = field(default_factory=dict)
    anew: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Summarise it in one paragraph."""
        parts = [f"{len(self.kept)} tensors kept as they are"]
        parts += [f"rows of {layer} kept for {', '.join(names)}" for layer, names in self.by_name.items()]
        if self.anew:
            parts.append(f"made anew: {', '.join(_layers(self.anew))}")
        if self.left_over:
            parts.append(f"left over in the file: {', '.join(_layers(self.left_over))}")
        return f"weights of {self.source}: {'; '.join(parts)}."


def address_of(weights: str | Path, backbone: str = "resnet50") -> str:
    """Resolve the names of published weights.

    Args:
        weights: ``coco``, ``imagenet``, a path or an address.
        backbone: torchvision's name, for ``imagenet``.

    Returns:
        The address of the published file; any other path or address unchanged.
    """
    if weights == "imagenet":
        return get_model_weights(backbone)["IMAGENET1K_V1"].url
    return COCO.url if weights == "coco" else str(weights)


def norm_eps_of(address: str | None) -> float:
    """Return the constant that frozen batch norm adds to the variance for some weights.

    Args:
        address: of the weights, or ``None``.

    Returns:
        0 for the published file, as in torchvision, else 1e-5.
    """
    return 0.0 if address is not None and Path(address).name == Path(COCO.url).name else 1e-5


def read_weights(address: str | Path) -> Mapping[str, Any]:
    """Read a file of weights; one at an address is downloaded once into torch's hub folder.

    Args:
        address: a path, or an address with ``://``.

    Returns:
        The content of the file, on the CPU.

    Raises:
        BadInputError: no such file, or the address cannot be reached.
    """
    if "://" in str(address):
        return safe_load_url(str(address), map_location="cpu", progress=False)
    if not Path(address).is_file():
        raise BadInputError(
            "no such weights",
            where="model.weights",
            expected="coco, imagenet, a file or an address",
            found=str(address),
        )
    return safe_load(str(address), map_location="cpu")


def transfer(
    model: nn.Module, content: Mapping[str, Any], source: str, keypoint_names: Names, class_names: Names
) -> Transferred:
    """Load a file's weights into a model.

    From a classifier's file, such as ImageNet's, only the backbone is used. A checkpoint of MMEngine names its
    keypoints and classes; a file without names is assumed to be COCO's if it has 17 keypoints and one class. If either
    side has no names, rows are kept only if their numbers agree. The background's row is kept along with any class,
    since scores are relative to it.

    Args:
        model: ours or torchvision's; tensors that are not loaded keep their values.
        content: tensors by name, or a dict with them as ``state_dict``.
        source: the file's name in messages.
        keypoint_names: of the model's K keypoints, or ``None``.
        class_names: of the model's classes without background, or ``None``.

    Returns:
        The tensors kept, newly initialised and left over; every tensor of both sides is in one of these.

    Raises:
        BadInputError: a tensor that only one side has, or that differs in shape outside the last layers.
    """
    weights = {
        str(key).removeprefix("module."): value
        for key, value in content.get("state_dict", content).items()
        if isinstance(value, Tensor)
    }
    own, done = model.state_dict(), Transferred(source)
    if any(key.startswith(_CLASSIFIERS) for key in weights):
        _take_backbone(weights, own, done)
    else:
        _fit_last_layers(
            weights, own, _names_in(content, weights, source), (keypoint_names, class_names), done
        )
    _load(model, weights, own, done)
    return done


def _take_backbone(weights: dict[str, Tensor], own: Mapping[str, Tensor], done: Transferred) -> None:
    """Turn a classifier's weights into those of a whole network: its features, and the network's own other tensors."""
    last = [key for key in weights if key.startswith(_CLASSIFIERS)]
    body = {_BODY + key.removeprefix("features."): weights[key] for key in weights if key not in last}
    done.left_over += last
    done.anew += [key for key in own if not key.startswith(_BODY)]
    weights.clear()
    weights.update({**{key: own[key] for key in done.anew}, **body})


def _names_in(content: Mapping[str, Any], weights: Mapping[str, Tensor], source: str) -> tuple[Names, Names]:
    """Return the names of a file's keypoints and classes."""
    last = [f"{layer}.{kind}" for layer in (POINTS, SCORES, BOXES) for kind in ("weight", "bias")]
    lacking = [f"{key} is missing" for key in last if key not in weights]
    if lacking:
        raise _misfit(source, "no Keypoint R-CNN in it", lacking[:_SHOWN])
    meta = (content.get("meta") or {}) if "state_dict" in content else {}
    data = meta.get("dataset_meta") or {}
    if data.get("keypoint_id2name"):
        named = data["keypoint_id2name"]
        return [named[i] for i in sorted(named)], data.get("classes")
    numbers = len(weights[f"{POINTS}.bias"]), len(weights[f"{SCORES}.bias"]) - 1
    if numbers == (len(COCO_KEYPOINTS), len(COCO_CLASSES)):
        return COCO_KEYPOINTS, COCO_CLASSES
    return None, None


def _fit_last_layers(
    weights: dict[str, Tensor],
    own: Mapping[str, Tensor],
    theirs: tuple[Names, Names],
    ours: tuple[Names, Names],
    done: Transferred,
) -> None:
    """Put the last layers for our keypoints and classes into ``weights``."""
    their_classes, our_classes = (
        None if names is None else ("background", *names) for names in (theirs[1], ours[1])
    )
    _mix(weights, own, (POINTS, 1), theirs[0], ours[0], done)
    _mix(weights, own, (SCORES, 1), their_classes, our_classes, done)
    _mix(weights, own, (BOXES, 4), their_classes, our_classes, done)
    done.left_over = list(dict.fromkeys(done.left_over))  # a class is in two layers


def _mix(
    weights: dict[str, Tensor],
    own: Mapping[str, Tensor],
    layer_and_rows: tuple[str, int],
    theirs: Names,
    ours: Names,
    done: Transferred,
) -> None:
    """Put a last layer for our names, with that many rows per name, into ``weights``; fill in ``done``."""
    layer, rows = layer_and_rows
    before, after = (len(side[f"{layer}.bias"]) // rows for side in (weights, own))
    pairs = _pairs(theirs, ours, before, after)
    if pairs == [(i, i) for i in range(after)] and before == after:
        return  # the whole layer as it is
    for kind in ("weight", "bias"):
        axis = 1 if layer == POINTS and kind == "weight" else 0  # transposed convolutions have outputs second
        source, mixed = weights[f"{layer}.{kind}"], own[f"{layer}.{kind}"].clone()
        if _but(source.shape, axis) != _but(mixed.shape, axis):
            found = f"{layer}.{kind} is {tuple(source.shape)} for {tuple(mixed.shape)}"
            raise _misfit(done.source, "weights of another architecture", [found])
        for i, j in pairs:
            into, row = (torch.arange(k * rows, (k + 1) * rows, device=mixed.device) for k in (j, i))
            mixed.index_copy_(axis, into, source.to(mixed).index_select(axis, row))
        weights[f"{layer}.{kind}"] = mixed
    _tell(layer, pairs, theirs, ours, (before, after), done)


def _tell(
    layer: str,
    pairs: list[tuple[int, int]],
    theirs: Names,
    ours: Names,
    numbers: tuple[int, int],
    done: Transferred,
) -> None:
    """Record in ``done`` what happened to a layer's rows."""
    taken, found = {i for i, _ in pairs}, {j for _, j in pairs}
    if pairs and ours:
        done.by_name[layer] = [ours[j] for j in sorted(found)]
        rest = [ours[j] for j in range(numbers[1]) if j not in found]
        done.anew += [f"{layer} of {', '.join(rest)}"] if rest else []
    else:
        done.anew += [f"{layer}.weight", f"{layer}.bias"]
    what, first = ("point", 0) if layer == POINTS else ("class", 1)
    done.left_over += [
        f"{what} {theirs[i] if theirs else i}" for i in range(first, numbers[0]) if i not in taken
    ]


def _pairs(theirs: Names, ours: Names, before: int, after: int) -> list[tuple[int, int]]:
    """Pair their rows with ours, in our order; the background alone does not count as a match."""
    if theirs is None or ours is None:
        return [(i, i) for i in range(after)] if before == after else []
    known = {_plain(name): i for i, name in enumerate(theirs)}
    pairs = [(known[_plain(name)], j) for j, name in enumerate(ours) if _plain(name) in known]
    return [] if all(ours[j] == "background" for _, j in pairs) else pairs


def _load(model: nn.Module, weights: dict[str, Tensor], own: Mapping[str, Tensor], done: Transferred) -> None:
    try:
        # torchvision's parts accept older names of their tensors, so they decide what is missing
        missing, unexpected = model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
        raise _misfit(done.source, "weights of another architecture", lines[:_SHOWN]) from error
    wrong = [f"{key} is missing" for key in missing if not key.endswith(_COUNTER)]
    wrong += [f"{key} is left over" for key in unexpected if not key.endswith(_COUNTER)]
    if wrong:
        more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        raise _misfit(done.source, "weights of another architecture", wrong[:_SHOWN] + more)
    mixed = tuple(f"{layer}." for layer in done.by_name)
    anew = {*done.anew, *missing}
    done.kept = [key for key in own if key not in anew and not key.startswith(mixed or ("\0",))]
    if missing:
        done.anew.append(f"{len(missing)} counters of batches")
    counters = [key for key in weights if key.endswith(_COUNTER) and key not in own]
    if counters:
        done.left_over.append(f"{len(counters)} counters of batches")


def _but(shape: torch.Size, axis: int) -> list[int]:
    return [n for i, n in enumerate(shape) if i != axis]


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _layers(names: Sequence[str]) -> list[str]:
    """Return layer names without repeats: ``a.weight`` and ``a.bias`` are ``a``."""
    return list(dict.fromkeys(name.removesuffix(".weight").removesuffix(".bias") for name in names))


def _misfit(source: str, what: str, found: Sequence[str]) -> BadInputError:
    return BadInputError(
        what,
        where=source,
        found=", ".join(found),
        todo="give weights of this backbone and these layers, or train from scratch: model.weights = None",
    )
