"""Run an exported ONNX file with ONNX Runtime."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kpplugins.extras import cure
from kpplugins.structures import BadInputError, MachineError


class OnnxRuntime:
    """A session of ONNX Runtime on the CPU.

    Args:
        file: the ONNX file.
        threads: of one run; default: ``OMP_NUM_THREADS`` where it is set, else all cores.

    Raises:
        MachineError: onnxruntime is not installed.
        BadInputError: the file cannot be loaded.
    """

    def __init__(self, file: Path, threads: int | None = None) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MachineError(
                "onnxruntime is not installed, which runs this model", where=str(file),
                todo=cure("onnxruntime"),
            ) from error  # fmt: skip
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or int(os.environ.get("OMP_NUM_THREADS", "0") or 0)
        options.log_severity_level = 3  # errors only
        try:
            self.session = onnxruntime.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions have no common base but this
            raise BadInputError(
                "ONNX Runtime cannot load this file", where=str(file), found=" ".join(str(error).split())[:200],
                todo="upgrade onnxruntime, or export the run again",
            ) from error  # fmt: skip
        self.names = [output.name for output in self.session.get_outputs()]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute the outputs.

        Args:
            inputs: arrays by name, as ``model.json`` describes them.

        Returns:
            The outputs by name.
        """
        return dict(zip(self.names, self.session.run(self.names, dict(inputs)), strict=True))
