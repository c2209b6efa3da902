"""Export a network as an ONNX file, and verify that ONNX Runtime agrees with PyTorch."""

import importlib
import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import sync

OPSET = 18
"""The opset that PyTorch's exporter writes natively; others are converted from it."""
BATCHES = (1, 3)
"""Sizes of the batches that are compared; the network is traced with two images, so it has seen neither."""
OUTPUT_TOLERANCE = 1e-4
"""Largest accepted difference of an output, as a fraction of its range (maximum minus minimum) over all crops."""
KEYPOINT_TOLERANCE = 0.01
"""Largest accepted distance of a keypoint, in input pixels."""
ROUNDING = 1e-5
"""How much summing float32 in another order changes the outputs of a deep network, as a fraction of their range."""
DRAWS = 8
"""How often such noise is added to the outputs, to see which keypoints it moves."""

Decode = Callable[[Sequence[np.ndarray]], np.ndarray]
"""From the outputs of one crop to its keypoints (K, 2) in input pixels."""


def export_onnx(
    network: nn.Module,
    path: Path,
    *,
    size: tuple[int, int],
    outputs: Sequence[str],
    decode: Decode,
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Write a network as an ONNX file, compare the two, and keep the file only if they agree.

    Args:
        network: takes (N, 3, h, w) float32 in 0..255 and gives a tuple of tensors, each (N, …). On the CPU.
        path: the file to write; its folder is made. ``NAME.onnx.json`` (the facts) and ``NAME.parity.json`` are written
            beside ``NAME.onnx``.
        size: (w, h) of the input.
        outputs: names of the tensors that it gives. The input is called ``image``.
        decode: gives the keypoints that are compared.
        facts: plain values by name. They go into the file's ``metadata_props``, text as it is and all else as JSON.

    Returns:
        What is in ``NAME.parity.json``: the ``opset``, ``batches``, ``crops``, ``versions`` and ``tolerance``; of each
        of the ``outputs`` its ``shape``, ``range``, ``max_difference`` and ``relative`` difference; of ``keypoints``
        how many are ``compared``, ``max_difference_px``, and how many were ``unsteady`` and left out (see ``steady``).

    Raises:
        BadInputError: packages are missing, the network cannot be exported, or the two disagree. An earlier file of
            that name is kept.
    """
    onnx, runtime = require_packages()
    network = network.eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        file = Path(folder) / path.name
        _write(network, file, size, outputs, facts)
        if len(list(file.parent.iterdir())) > 1:
            raise BadInputError(
                "the network is too large for one file", where=str(path), expected="less than 2 GB of weights"
            )
        report = {
            "file": path.name,
            "opset": OPSET,
            "versions": {m.__name__: str(m.__version__) for m in (torch, onnx, runtime)},
            **compare_outputs(network, file, size=size, outputs=outputs, decode=decode),
        }
        _require_parity(report, path)
        proof = file.with_suffix(".parity.json")
        proof.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        beside = file.with_suffix(".onnx.json")
        beside.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for made in (file, beside, proof):
            sync(made)
        file.replace(path)
        beside.replace(path.with_suffix(".onnx.json"))
        proof.replace(path.with_suffix(".parity.json"))
        sync(path.parent)
    return report


def require_packages() -> tuple[Any, Any]:
    """Import the packages that the export needs.

    Returns:
        The modules ``onnx`` and ``onnxruntime``.

    Raises:
        BadInputError: a package is missing.
    """
    found = []
    for name in ("onnx", "onnxruntime", "onnxscript"):
        try:
            found.append(importlib.import_module(name))
        except ImportError as error:
            raise BadInputError(
                f"{name} is not installed, which the export to ONNX needs",
                todo="pip install 'kpplugins[export]'",
            ) from error
    return found[0], found[1]


@torch.inference_mode()
def compare_outputs(
    network: nn.Module, file: Path, *, size: tuple[int, int], outputs: Sequence[str], decode: Decode
) -> dict[str, Any]:
    """Measure how far ONNX Runtime's outputs and keypoints are from PyTorch's, without judging the result.

    Args:
        network: see ``export_onnx``.
        file: the ONNX file.
        size: (w, h) of the input.
        outputs: names of the output tensors.
        decode: gives the keypoints that are compared.

    Returns:
        Part of the report of ``export_onnx``: ``batches`` to ``keypoints``.
    """
    _, runtime = require_packages()
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = torch.get_num_threads(), 3  # errors only
    session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    expected: list[list[np.ndarray]] = [[] for _ in outputs]
    actual: list[list[np.ndarray]] = [[] for _ in outputs]
    for crops in _crops(size):
        for kept, tensor in zip(expected, network(crops), strict=True):
            kept.append(tensor.numpy())
        for kept, array in zip(actual, session.run(list(outputs), {"image": crops.numpy()}), strict=True):
            kept.append(array)
    torchs, onnxs = [np.concatenate(e) for e in expected], [np.concatenate(a) for a in actual]
    return {
        "batches": list(BATCHES),
        "crops": len(torchs[0]),
        "tolerance": {"outputs_relative": OUTPUT_TOLERANCE, "keypoints_px": KEYPOINT_TOLERANCE},
        "outputs": {n: _difference(e, a) for n, e, a in zip(outputs, torchs, onnxs, strict=True)},
        "keypoints": _moved(torchs, onnxs, decode),
    }


def steady(decode: Decode, values: Sequence[np.ndarray], reach: Sequence[float]) -> np.ndarray:
    """Return which keypoints stay within ``KEYPOINT_TOLERANCE`` when ``ROUNDING`` noise is added to the outputs.

    Keypoints from a map with two equal peaks, or refined on an almost flat map, do not: rounding alone moves them. An
    untrained network gives such maps, and so does a trained one on noise.

    Args:
        decode: see ``export_onnx``.
        values: the outputs of one crop.
        reach: range of each output.

    Returns:
        (K,) boolean.
    """
    generator, place = np.random.default_rng(0), decode(values)
    fine = np.ones(len(place), bool)
    for _ in range(DRAWS):
        noise = [ROUNDING * r * generator.uniform(-1, 1, v.shape) for v, r in zip(values, reach, strict=True)]
        here = decode([(v + n).astype(v.dtype) for v, n in zip(values, noise, strict=True)])
        fine &= np.linalg.norm(here - place, axis=-1) <= KEYPOINT_TOLERANCE
    return fine


def _write(
    network: nn.Module, file: Path, size: tuple[int, int], outputs: Sequence[str], facts: Mapping[str, Any]
) -> None:
    example = torch.zeros(2, 3, size[1], size[0])  # a batch of one would be taken for a constant
    try:
        with _quiet():
            program = torch.onnx.export(
                network,
                (example,),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=["image"],
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
            if program is None:  # of the old exporter only
                raise RuntimeError("PyTorch gave no program")
            texts = {
                k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in facts.items()
            }
            program.model.metadata_props.update(texts)
            program.save(str(file))
    except torch.onnx.OnnxExporterError as error:
        cause: BaseException = error.__cause__ or error
        raise BadInputError(
            "PyTorch cannot write this network as ONNX",
            where=type(network).__name__,
            found=f"{type(cause).__name__}: {(str(cause).splitlines() or [''])[0]}",
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's log messages about its own internals."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _crops(size: tuple[int, int]) -> Iterator[Tensor]:
    """Yield batches of crops (N, 3, h, w) in 0..255: noise, and smooth coloured patches, which look like objects."""
    generator = torch.Generator().manual_seed(0)
    w, h = size
    for n in BATCHES:
        yield torch.rand((n, 3, h, w), generator=generator) * 255
        coarse = torch.rand((n, 3, 5, 5), generator=generator) * 255
        yield nn.functional.interpolate(coarse, size=(h, w), mode="bilinear", align_corners=True)


def _difference(expected: np.ndarray, actual: np.ndarray) -> dict[str, Any]:
    if expected.shape != actual.shape:
        raise BadInputError(
            "an output has another shape in ONNX Runtime",
            expected=str(expected.shape),
            found=str(actual.shape),
        )
    reach = float(np.ptp(expected))
    furthest = float(np.abs(np.float64(expected) - actual).max())
    return {
        "shape": ["N", *expected.shape[1:]],
        "range": reach,
        "max_difference": furthest,
        "relative": furthest / (reach or float(np.abs(expected).max()) or 1.0),
    }


def _moved(expected: list[np.ndarray], actual: list[np.ndarray], decode: Decode) -> dict[str, Any]:
    reach = [float(np.ptp(e)) for e in expected]
    distances, unsteady = [], 0
    for i in range(len(expected[0])):
        before, after = [e[i] for e in expected], [a[i] for a in actual]
        away = np.linalg.norm(decode(before) - decode(after), axis=-1)
        if (away > KEYPOINT_TOLERANCE).any():
            left_out = (away > KEYPOINT_TOLERANCE) & ~steady(decode, before, reach)
            away, unsteady = away[~left_out], unsteady + int(left_out.sum())
        distances.append(away)
    together = np.concatenate(distances)
    furthest = float(together.max()) if len(together) else 0.0
    return {"compared": len(together), "unsteady": unsteady, "max_difference_px": furthest}


def _require_parity(report: dict[str, Any], path: Path) -> None:
    relative = {name: o["relative"] for name, o in report["outputs"].items()}
    pixels = report["keypoints"]["max_difference_px"]
    # written the other way round, NaN would pass
    if all(r <= OUTPUT_TOLERANCE for r in relative.values()) and pixels <= KEYPOINT_TOLERANCE:
        return
    found = ", ".join(f"{name} {r:.1e}" for name, r in relative.items())
    raise BadInputError(
        "ONNX Runtime and PyTorch disagree; no file was written",
        where=str(path),
        expected=f"outputs within {OUTPUT_TOLERANCE:g} of their range, keypoints within {KEYPOINT_TOLERANCE:g} px",
        found=f"{found}, keypoints {pixels:.2g} px",
        todo="check that the checkpoint's own outputs are finite, or try another version of torch or onnxruntime",
    )
