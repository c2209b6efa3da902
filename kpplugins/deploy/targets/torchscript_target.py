"""Graphs as TorchScript."""

from pathlib import Path
from typing import Any

import torch

from kpplugins.deploy.targets.export_target import ExportTarget, Order
from kpplugins.deploy.targets.onnx_target import example_of, quiet


class TorchscriptTarget(ExportTarget):
    """TorchScript, for programs that have LibTorch."""

    name = "torchscript"
    file = "model.ts"
    extra = "train"
    packages = ("torch",)

    def _write(self, graph: Any, folder: Path, order: Order) -> None:
        with quiet(), torch.inference_mode():
            traced = torch.jit.trace(graph, example_of(graph.inputs), check_trace=False)
            torch.jit.freeze(traced).save(str(folder / self.file))
