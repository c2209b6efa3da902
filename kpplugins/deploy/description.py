"""Say what a program must know to use an exported network: facts as plain values, and the same in words.

Nothing is left to a default of a library: every argument of the codec and of the pipeline's steps is written out, and
``warp``, ``decode`` and ``flip_test`` hold the numbers that follow from them.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmpose.registry import KEYPOINT_CODECS, TRANSFORMS

from kpplugins.config.values import name_of
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BoxLayout
from kpplugins.version import __version__

_NO_CROP = ("LoadImage", "LoadCachedImage", "PackPoseInputs")
_AFFINE = ["GetBBoxCenterScale", "TopdownAffine"]
_CANVAS = ["CropAroundKeypoints"]
_PIXELS = "Images are read as BGR, EXIF orientation applied, grey ones with three equal channels, without alpha; of "
_BACK = "x = f · scale + origin, on each axis, in pixels of the image whose first pixel is centred at 0"


def describe(
    network: Any,
    steps: Sequence[Mapping[str, Any]],
    decoder: Mapping[str, Any],
    outputs: Sequence[str],
    schema: KeypointSchema,
    layout: BoxLayout | None,
    rule: PixelRule,
) -> dict[str, Any]:
    """Collect the facts about an exported top-down network, as ``docs/export.md`` lists them.

    Args:
        network: the built model, whose head has a codec with an ``input_size``.
        steps: the config of the test pipeline.
        decoder: the config of the codec.
        outputs: names of the exported tensors.
        schema: the K keypoints.
        layout: how the keypoints lie in their boxes, if known.
        rule: how images of more than 8 bits become 8 bits.

    Returns:
        Plain values for JSON, by name. ``warp``, ``decode`` and ``flip_test`` are ``None`` where the pipeline, the
        codec or the flip test is of a kind that this module does not know (see ``unknown_parts``).
    """
    codec = network.head.decoder
    size = [int(n) for n in codec.input_size]
    used = [complete(TRANSFORMS, s) for s in steps if name_of(s["type"]) not in _NO_CROP]
    facts: dict[str, Any] = {
        "kpplugins_version": __version__,
        "input": "N×3×h×w float32, BGR, 0 to 255, not normalised",
        "input_size": size,
        "pixels": {"range": rule.range, "percentile": rule.percentile},
        "normalisation": _normalisation(network.data_preprocessor),
        "keypoints": list(schema.keypoints),
        "flip_pairs": [list(pair) for pair in schema.flip_pairs],
        "flips": schema.flips,
        "crop": used,
        "warp": _warp(used, size),
        "codec": complete(KEYPOINT_CODECS, decoder),
        "decode": _decode(codec, list(outputs), size),
        "flip_test": _flip_test(network.test_cfg or {}, list(outputs), schema, size),
    }
    facts["words"] = {"pixels": _PIXELS + rule.words, **_words(facts)}
    facts["schema"] = dict(schema.__dict__)
    if layout is not None:
        facts["boxes"] = dict(layout.__dict__)
    return dict(_plain(facts))


def unknown_parts(facts: Mapping[str, Any]) -> list[str]:
    """Return which parts of a description are unknown, so that a program needs the class that is named there.

    Args:
        facts: from ``describe``.

    Returns:
        One phrase for each.
    """
    named = {
        "warp": "the crop by " + ", ".join(step["type"] for step in facts["crop"]),
        "decode": f"the decoding by {facts['codec']['type']}",
        "flip_test": "the flip test",
    }
    return [what for key, what in named.items() if facts[key] is None]


def complete(registry: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Write out the arguments of a class that its config leaves to defaults.

    Args:
        registry: knows the class by its ``type``.
        given: the config.

    Returns:
        A copy with a ``type`` by name and every argument that has a default.
    """
    kind = given["type"]
    kind = registry.get(kind) if isinstance(kind, str) else kind
    arguments: dict[str, Any] = {"type": name_of(given["type"])}
    for owner in reversed(kind.__mro__) if kind is not None else ():
        if "__init__" in vars(owner) and owner is not object:
            arguments |= {
                name: parameter.default
                for name, parameter in inspect.signature(owner).parameters.items()
                if parameter.default is not inspect.Parameter.empty
            }
    return {**arguments, **{key: value for key, value in given.items() if key not in ("type", "_scope_")}}


def _normalisation(before: Any) -> dict[str, Any]:
    swapped = bool(getattr(before, "_channel_conversion", False))
    facts: dict[str, Any] = {"inside_the_file": True, "channels": "RGB" if swapped else "BGR"}
    if getattr(before, "_enable_normalize", False):
        return facts | {"mean": before.mean.flatten().tolist(), "std": before.std.flatten().tolist()}
    return facts | {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}


def _warp(used: Sequence[Mapping[str, Any]], size: list[int]) -> dict[str, Any] | None:
    """Say how a box becomes the input; ``span`` is how many input pixels the enlarged box, or the crop, measures."""
    kinds = [step["type"] for step in used]
    if kinds not in (_AFFINE, _CANVAS):
        return None
    span = [n - 1 for n in size] if used[-1]["use_udp"] else size
    if list(used[-1]["input_size"]) != size:
        return None
    if kinds == _AFFINE:
        return {"kind": "affine", "padding": float(used[0]["padding"]), "span": span}
    canvas = {"canvas_size": list(used[0]["canvas_size"]), "keep_aspect": bool(used[0]["keep_aspect"])}
    return None if used[0]["jitter"] else {"kind": "canvas", **canvas, "span": span}


def _decode(codec: Any, outputs: list[str], size: list[int]) -> dict[str, Any] | None:
    """Say how a place is read from the outputs, and how it becomes f = (place + add) / divide - subtract."""
    kind = type(codec).__name__
    cells = np.array(getattr(codec, "heatmap_size", size))
    none = [0.0, 0.0]
    if outputs == ["heatmaps"] and kind == "UDPHeatmap" and codec.heatmap_type == "gaussian":
        way: dict[str, Any] = {"method": "dark_udp", "blur_kernel": codec.blur_kernel_size}
        return way | {"add": none, "divide": (cells - 1).tolist(), "subtract": none}
    if outputs == ["heatmaps"] and kind == "MSRAHeatmap":
        way = {"method": "quarter"}
        if codec.unbiased:
            way = {"method": "dark", "blur_kernel": codec.blur_kernel_size}
        return way | {"add": none, "divide": cells.tolist(), "subtract": none}
    if outputs == ["heatmaps"] and kind == "CircleHeatmap":
        way = {"method": "mean", "threshold": codec.threshold}
        way = way if codec.decode_by == "mean" else {"method": "argmax"}
        return way | {"add": [0.5, 0.5], "divide": cells.tolist(), "subtract": [0.5 / n for n in size]}
    if outputs == ["coordinates"] and kind in ("RegressionLabel", "IntegralRegressionLabel"):
        return {"method": "coordinates", "add": none, "divide": [1.0, 1.0], "subtract": none}
    if outputs == ["simcc_x", "simcc_y"] and kind == "SimCCLabel":
        way = {"method": "simcc"}
        if codec.use_dark:
            kernels = [int((s * 20 - 7) // 3) for s in codec.sigma]
            way = {"method": "simcc_dark", "blur_kernel": [n - (n % 2 == 0) for n in kernels]}
        return way | {"add": none, "divide": [n * codec.simcc_split_ratio for n in size], "subtract": none}
    return None


def _flip_test(
    test_cfg: Mapping[str, Any], outputs: list[str], schema: KeypointSchema, size: list[int]
) -> dict[str, Any] | None:
    """Say whether the run's own predictions average with those on the mirrored crop, and how these are turned back."""
    if not test_cfg.get("flip_test", False):
        return {"on": False}
    facts: dict[str, Any] = {"on": True, "indices": list(schema.flip_indices)}
    if outputs == ["heatmaps"]:
        shift = bool(test_cfg.get("shift_heatmap", False))
        return (
            facts | {"shift_cells": int(shift)} if test_cfg.get("flip_mode", "heatmap") == "heatmap" else None
        )
    if outputs == ["coordinates"]:
        shift = bool(test_cfg.get("shift_coords", True))
        return facts | {"mirrored_x": f"{_one_minus(shift, size)} - x", "one": 1 - shift / size[0]}
    return facts


def _one_minus(shift: bool, size: list[int]) -> str:
    return f"1 - 1/{size[0]}" if shift else "1"


_METHODS = {
    "dark_udp": (
        "In each map take the cell (x, y) of the maximum, which is also the score. Blur the map by a Gaussian filter "
        "of {blur_kernel}×{blur_kernel} (OpenCV's sigma for that size), zeros outside the map; scale it to its maximum "
        "before; clip it to 0.001 … 50; take the logarithm L; repeat its outermost cells once on each side. "
        "Dx = (L[y, x+1] - L[y, x-1]) / 2, Dy likewise; Dxx = L[y, x+1] - 2 L[y, x] + L[y, x-1], Dyy likewise; "
        "Dxy = (L[y+1, x+1] - L[y, x+1] - L[y+1, x] + 2 L[y, x] - L[y, x-1] - L[y-1, x] + L[y-1, x-1]) / 2. "
        "The place is (x, y) - H⁻¹ D, with 1.19e-7 added to the diagonal of H = [[Dxx, Dxy], [Dxy, Dyy]]."
    ),
    "dark": (
        "In each map take the cell (x, y) of the maximum, which is also the score. Blur the map by a Gaussian filter "
        "of {blur_kernel}×{blur_kernel} (OpenCV's sigma for that size), zeros outside the map; scale it to its maximum "
        "before; raise it to at least 1e-10; take the logarithm L. If 1 < x < W - 2 and 1 < y < H - 2, the place is "
        "(x, y) - H⁻¹ D, with Dx = (L[y, x+1] - L[y, x-1]) / 2, Dxx = (L[y, x+2] - 2 L[y, x] + L[y, x-2]) / 4, "
        "Dy and Dyy likewise, Dxy = (L[y+1, x+1] - L[y-1, x+1] - L[y+1, x-1] + L[y-1, x-1]) / 4; else it is the cell, "
        "as it is where H has no inverse."
    ),
    "quarter": (
        "In each map take the cell (x, y) of the maximum, which is also the score, and move it by a quarter of a cell "
        "on each axis towards the higher neighbour: on x if 1 < x < W - 1 and y > 0, on y if 1 < y < H - 1 and x > 0."
    ),
    "argmax": "In each map take the cell of the maximum, which is also the score.",
    "mean": (
        "The score is the map's maximum. The place is the mean of the cells, weighted by their values; values below 0 "
        "or below {threshold} of the maximum count as 0. In a map without a positive value it is the middle."
    ),
    "coordinates": (
        "The outputs are the places. With two values a keypoint the score is 1; with four, 1 - the mean of the last "
        "two."
    ),
    "simcc": (
        "The place is the bin of the maximum of simcc_x, and of simcc_y; the score is the lower of the two maxima."
    ),
    "simcc_dark": (
        "On each axis take the bin i of the maximum; the score is the lower of the two maxima. Blur the vector by a "
        "Gaussian filter of {blur_kernel} bins (x, y; OpenCV's sigma for that size), zeros outside; scale it to its "
        "maximum before; clip it to 0.001 … 50; take the logarithm L; repeat its outermost bins twice on each side. "
        "The place is i - D / (1e-9 + DD), with D = (L[i+1] - L[i-1]) / 2 and DD = (L[i+2] - 2 L[i] + L[i-2]) / 4."
    ),
}  # fmt: skip
"""How places are read, by ``decode.method``."""


def _words(facts: Mapping[str, Any]) -> dict[str, str]:
    """Say in words what the numbers mean; a part that is ``None`` has no entry."""
    (w, h), normal = facts["input_size"], facts["normalisation"]
    words = {
        "input": f"A crop of {w}×{h} pixels as OpenCV reads images: BGR, 0 to 255. The file itself turns it into "
        f"{normal['channels']}, subtracts the mean {normal['mean']} and divides by the deviation {normal['std']}.",
    }
    if facts["warp"] is not None:
        words["warp"] = _warp_words(facts["warp"], w, h)
    if facts["decode"] is not None:
        way = facts["decode"]
        words["decode"] = (
            f"{_METHODS[way['method']].format(**way)} Then f = (place + {way['add']}) / {way['divide']} - "
            f"{way['subtract']} on x and y, and {_BACK}."
        )
    if facts["flip_test"] is not None:
        words["flip_test"] = _flip_words(facts["flip_test"])
    return words


def _warp_words(warp: Mapping[str, Any], w: int, h: int) -> str:
    sx, sy = warp["span"]
    if warp["kind"] == "affine":
        return (
            f"From the box x1, y1, x2, y2 in pixels: centre = ((x1 + x2) / 2, (y1 + y2) / 2), scale = (x2 - x1, "
            f"y2 - y1) · {warp['padding']:g}; then the smaller side of scale grows until it is {w}:{h}; origin = "
            f"centre - scale / 2. cv2.warpAffine (bilinear, black outside) with x' = (x - origin) · ({sx}, {sy}) / "
            f"scale gives the crop of {w}×{h}."
        )
    across, down = warp["canvas_size"]
    how = (
        "keeping its proportions, with black bars on both sides"
        if warp["keep_aspect"]
        else "stretching each axis"
    )
    return (
        f"cv2.resize the image to a canvas of {across}×{down}, {how}. The corners of the box (x1, y1, x2, y2, which "
        "must enclose the keypoints with some room: `boxes` says how the training's did) go to whole canvas pixels: "
        "floor((x + 0.5) · canvas / image + bar + 0.001), the second corner plus 1, within the canvas. That part, "
        f"cv2.resize'd to {w}×{h}, is the crop. With zoom = crop pixels per image pixel: scale = ({sx}, {sy}) / zoom, "
        "origin = (the part's first corner - bar) · image / canvas + 0.5 / zoom - 0.5."
    )


def _flip_words(flip: Mapping[str, Any]) -> str:
    if not flip["on"]:
        return "The run predicts from one pass."
    words = (
        "The run averages the outputs with those of the mirrored crop, turned back before: keypoints exchanged by "
        "`indices`, "
    )
    if "one" in flip:
        return f"{words}x becomes {flip['mirrored_x']}. One pass is slightly less exact."
    if "shift_cells" in flip:
        shifted = ", then moved one cell to the right, the first column kept" if flip["shift_cells"] else ""
        return f"{words}maps mirrored{shifted}. One pass is slightly less exact."
    return f"{words}simcc_x mirrored. One pass is slightly less exact."


def _plain(value: Any) -> Any:
    """Return a copy of plain values for JSON."""
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    return value.__name__ if isinstance(value, type) else value
