"""What of a top-down config its graph must know: plain numbers, by name."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmpose.registry import TRANSFORMS

from kpplugins.config.values import name_of
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

_NO_CROP = ("LoadImage", "LoadCachedImage", "PackPoseInputs")
_AFFINE = ["GetBBoxCenterScale", "TopdownAffine"]
_CANVAS = ["CropAroundKeypoints"]


def top_down_facts(
    codec: Any,
    steps: Sequence[Mapping[str, Any]],
    outputs: Sequence[str],
    test_cfg: Mapping[str, Any],
    schema: KeypointSchema,
    flip_test: bool,
) -> dict[str, Any]:
    """Collect what a graph needs.

    Args:
        codec: the head's, with an ``input_size``.
        steps: the config of the test pipeline.
        outputs: names of the network's outputs.
        test_cfg: of the model.
        schema: the K keypoints.
        flip_test: average with the mirrored crop.

    Returns:
        ``input_size``; ``crop`` (``kind`` affine or canvas, ``span``: how many crop pixels the grown box, or the crop,
        measures, and their settings); ``decode`` (``method``, and numbers by which its places become fractions of the
        span: ``(place + add) / divide - subtract``); ``flip_test``, ``None`` or how the mirrored outputs are turned
        back.

    Raises:
        BadInputError: the pipeline, the codec or the flip test is of a kind that no graph is known for.
    """
    size = [int(n) for n in codec.input_size]
    return {
        "input_size": size,
        "crop": crop_of(steps, size),
        "decode": decode_facts(codec, outputs, size),
        "flip_test": flips_of(test_cfg, outputs, schema, size) if flip_test else None,
    }


def crop_of(steps: Sequence[Mapping[str, Any]], size: Sequence[int]) -> dict[str, Any]:
    """Say how a box becomes the input.

    Args:
        steps: the config of the test pipeline.
        size: (w, h) of the input.

    Returns:
        See ``top_down_facts``.

    Raises:
        BadInputError: it is cut in another way.
    """
    used = [_complete(s) for s in steps if name_of(s["type"]) not in _NO_CROP]
    kinds = [step["type"] for step in used]
    known = kinds in (_AFFINE, _CANVAS) and list(used[-1]["input_size"]) == list(size)
    if not known or used[0].get("jitter"):
        raise BadInputError(
            "no graph for this crop", where="test_dataloader.dataset.pipeline", found=", ".join(kinds) or "no crop",
            expected=f"{' and '.join(_AFFINE)}, or {_CANVAS[0]}, to the codec's input_size and without jitter",
        )  # fmt: skip
    span = [int(n) - 1 for n in size] if used[-1]["use_udp"] else [int(n) for n in size]
    if kinds == _AFFINE:
        return {"kind": "affine", "padding": float(used[0]["padding"]), "span": span}
    canvas = [int(n) for n in used[0]["canvas_size"]]
    return {
        "kind": "canvas",
        "canvas_size": canvas,
        "keep_aspect": bool(used[0]["keep_aspect"]),
        "span": span,
    }


def _complete(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a pipeline's step, those too that its config leaves to defaults."""
    kind = step["type"]
    kind = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
    parameters = inspect.signature(kind).parameters.values() if kind is not None else ()
    given = {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
    return {**given, **step, "type": name_of(step["type"])}


def decode_facts(codec: Any, outputs: Sequence[str], size: Sequence[int]) -> dict[str, Any]:
    """Say how places are read from a head's outputs.

    Args:
        codec: the head's.
        outputs: names of the outputs.
        size: (w, h) of the input.

    Returns:
        See ``top_down_facts``.

    Raises:
        BadInputError: the codec decodes in another way.
    """
    kind, outputs = type(codec).__name__, list(outputs)
    cells = [int(n) for n in getattr(codec, "heatmap_size", size)]
    plain = {"add": [0.0, 0.0], "subtract": [0.0, 0.0]}
    if outputs == ["heatmaps"] and kind == "UDPHeatmap" and codec.heatmap_type == "gaussian":
        return {
            "method": "dark_udp",
            "blur_kernel": codec.blur_kernel_size,
            "divide": [n - 1 for n in cells],
            **plain,
        }
    if outputs == ["heatmaps"] and kind == "MSRAHeatmap":
        way: dict[str, Any] = {"method": "quarter"}
        if codec.unbiased:
            way = {"method": "dark", "blur_kernel": codec.blur_kernel_size}
        return {**way, "divide": cells, **plain}
    if outputs == ["heatmaps"] and kind == "CircleHeatmap":
        way = {"method": "mean", "threshold": codec.threshold}
        way = way if codec.decode_by == "mean" else {"method": "argmax"}
        return {**way, "add": [0.5, 0.5], "divide": cells, "subtract": [0.5 / n for n in size]}
    if outputs == ["coordinates"] and kind in ("RegressionLabel", "IntegralRegressionLabel"):
        return {"method": "coordinates", "divide": [1.0, 1.0], **plain}
    if outputs == ["simcc_x", "simcc_y"] and kind == "SimCCLabel":
        way = {"method": "simcc"}
        if codec.use_dark:
            kernels = [int((s * 20 - 7) // 3) for s in codec.sigma]
            way = {"method": "simcc_dark", "blur_kernel": [n - (n % 2 == 0) for n in kernels]}
        return {**way, "divide": [float(n * codec.simcc_split_ratio) for n in size], **plain}
    raise BadInputError(
        "no graph for this decoding", where="model.head.decoder", found=f"{kind} of {', '.join(outputs)}",
        expected="UDPHeatmap (gaussian), MSRAHeatmap, CircleHeatmap, RegressionLabel, IntegralRegressionLabel or "
        "SimCCLabel",
    )  # fmt: skip


def flips_of(
    test_cfg: Mapping[str, Any], outputs: Sequence[str], schema: KeypointSchema, size: Sequence[int]
) -> dict[str, Any]:
    """Say how the outputs for the mirrored crop are turned back.

    Args:
        test_cfg: of the model.
        outputs: names of the outputs.
        schema: the keypoints.
        size: (w, h) of the input.

    Returns:
        ``indices`` that exchange left and right; ``shift_cells``; ``one`` for coordinates, where x becomes one - x.

    Raises:
        BadInputError: they are turned in another way.
    """
    mode = test_cfg.get("flip_mode", "heatmap")
    if mode != "heatmap":
        raise BadInputError(
            "no graph for this flip test", where="model.test_cfg.flip_mode", expected="heatmap", found=str(mode),
            todo="export without --flip-test",
        )  # fmt: skip
    facts: dict[str, Any] = {"indices": [int(i) for i in np.asarray(schema.flip_indices)], "shift_cells": 0}
    if list(outputs) == ["heatmaps"]:
        facts["shift_cells"] = int(bool(test_cfg.get("shift_heatmap", False)))
    if list(outputs) == ["coordinates"]:
        shift = bool(test_cfg.get("shift_coords", True))
        facts["one"] = 1 - shift / size[0]
    return facts
