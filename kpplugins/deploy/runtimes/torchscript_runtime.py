"""Run exported TorchScript files."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kpplugins.deploy.exported_folder import ExportedFolder
from kpplugins.structures import BadInputError, MachineError


class TorchscriptRuntime:
    """A TorchScript file in PyTorch, on the CPU.

    Args:
        file: in its exported folder, whose ``model.json`` names inputs and outputs.
        threads: of one run; default: as PyTorch is set.

    Raises:
        MachineError: torch is not installed.
        BadInputError: the file cannot be loaded.
    """

    def __init__(self, file: Path, threads: int | None = None) -> None:
        try:
            import torch
        except ImportError as error:
            raise MachineError(
                "torch is not installed, which runs this model", where=str(file),
                todo="pip install 'kpplugins[train]'",
            ) from error  # fmt: skip
        facts = ExportedFolder.read(file.parent).facts
        self.inputs, self.names = ([port["name"] for port in facts[key]] for key in ("inputs", "outputs"))
        if threads:
            torch.set_num_threads(threads)
        self.torch = torch
        try:
            self.model = torch.jit.load(str(file), map_location="cpu").eval()
        except RuntimeError as error:
            raise BadInputError(
                "PyTorch cannot load this file", where=str(file), found=str(error).strip().splitlines()[0],
                todo="upgrade torch, or export the run again",
            ) from error  # fmt: skip

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Compute the outputs.

        Args:
            inputs: arrays by name, as ``model.json`` describes them.

        Returns:
            The outputs by name.
        """
        with self.torch.inference_mode():
            found = self.model(
                *(self.torch.from_numpy(np.ascontiguousarray(inputs[name])) for name in self.inputs)
            )
        return {name: value.numpy() for name, value in zip(self.names, found, strict=True)}
