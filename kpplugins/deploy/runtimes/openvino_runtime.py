"""Run exported OpenVINO files."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.structures import BadInputError, MachineError


class OpenvinoRuntime:
    """A model compiled by OpenVINO for the CPU.

    Args:
        file: the ``.xml``; its ``.bin`` lies beside it.
        threads: of one run; default: ``OMP_NUM_THREADS`` where it is set, else all cores.

    Raises:
        MachineError: openvino is not installed.
        BadInputError: the file cannot be loaded.
    """

    def __init__(self, file: Path, threads: int | None = None) -> None:
        try:
            import openvino
        except ImportError as error:
            raise MachineError(
                "openvino is not installed, which runs this model", where=str(file),
                todo="pip install 'kpplugins[openvino]'",
            ) from error  # fmt: skip
        threads = threads or int(os.environ.get("OMP_NUM_THREADS", "0") or 0)
        # float32 also where the processor would take bfloat16, which moves keypoints
        options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        options |= {"INFERENCE_NUM_THREADS": threads} if threads else {}
        try:
            core = openvino.Core()
            model = core.compile_model(core.read_model(file), "CPU", options)
        except Exception as error:  # its exceptions have no common base but this
            raise BadInputError(
                "OpenVINO cannot load this file", where=str(file), found=" ".join(str(error).split())[:200],
                todo="upgrade openvino, or export the run again",
            ) from error  # fmt: skip
        self.names = [output.get_any_name() for output in model.outputs]
        self.request = model.create_infer_request()

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute the outputs.

        Args:
            inputs: arrays by name, as ``model.json`` describes them.

        Returns:
            The outputs by name.
        """
        found = self.request.infer({name: np.ascontiguousarray(value) for name, value in inputs.items()})
        return {name: np.array(found[name]) for name in self.names}
