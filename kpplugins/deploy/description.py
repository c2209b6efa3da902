"""What ``model.json`` says of an exported model: plain values, and the same in words."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.pixel_rule import PixelRule
from kpplugins.deploy.exported_folder import FORMAT, checksum_of
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BoxLayout
from kpplugins.version import __version__

_PIXELS = "Images are read as BGR, EXIF orientation applied, grey ones with three equal channels, without alpha; of "


def describe(
    graph: Any,
    file: Path,
    *,
    kind: str,
    name: str,
    target: str,
    precision: str,
    schema: KeypointSchema | None,
    classes: Sequence[str],
    pixels: PixelRule,
    layout: BoxLayout | None,
    flip_test: bool,
    calibrations: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Collect the facts about an exported model.

    Args:
        graph: the graph that was written: its ``inputs`` and ``outputs``, and ``facts`` (``input_size`` and more).
        file: the written file.
        kind: what the model finds.
        name: of the run.
        target: the format.
        precision: of the network.
        schema: the keypoints; ``None`` for a detector.
        classes: names of the boxes' categories.
        pixels: how images of more than 8 bits become 8 bits.
        layout: how the keypoints lie in their boxes, if known.
        flip_test: the mirrored crop is averaged in.
        calibrations: ``visibility`` and ``uncertainty`` of the run as plain data, where it has them.

    Returns:
        The content of ``model.json``.
    """
    facts: dict[str, Any] = {
        "format": FORMAT,
        "kpplugins_version": __version__,
        "kind": kind,
        "name": name,
        "target": target,
        "precision": precision,
        "file": file.name,
        "checksum": checksum_of(file),
        "inputs": [port.facts for port in graph.inputs],
        "outputs": [port.facts for port in graph.outputs],
        "flip_test": flip_test,
        "schema": None if schema is None else dict(schema.__dict__),
        "classes": list(classes),
        "pixels": {"range": pixels.range, "percentile": pixels.percentile},
        "boxes": None if layout is None else dict(layout.__dict__),
        "visibility": None,
        "uncertainty": None,
        **(calibrations or {}),
        **getattr(graph, "facts", {}),
    }
    facts["flip_test"] = flip_test
    words = {port.name: port.meaning for port in (*graph.inputs, *graph.outputs)}
    facts["words"] = {**words, "pixels": _PIXELS + pixels.words, **getattr(graph, "words", {})}
    return dict(_plain(facts))


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
    return value
