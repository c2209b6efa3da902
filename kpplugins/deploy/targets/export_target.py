"""What a target has and does."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from kpplugins.structures import BadInputError, MachineError

FP32, FP16, INT8 = "fp32", "fp16", "int8"
"""Precisions of the network; the geometry and the decoding are always float32."""


@dataclass(frozen=True)
class Order:
    """How a graph is to be written.

    Attributes:
        precision: of the network.
        opset: of ONNX.
        calibration: yields inputs by name, of images like those that the model will see; for int8.
    """

    precision: str = FP32
    opset: int = 18
    calibration: Callable[[], Iterator[Mapping[str, np.ndarray]]] | None = None


class ExportTarget(ABC):
    """A format in which graphs are written.

    Attributes:
        name: as ``--to`` has it.
        file: name of the written file in the exported folder.
        extra: the extra of setup.cfg that brings the packages.
        packages: modules that are imported.
        precisions: that it can write.
        runs_here: what it writes can be run, and so compared with the trained model.
    """

    name: ClassVar[str]
    file: ClassVar[str]
    extra: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()
    precisions: ClassVar[tuple[str, ...]] = (FP32,)
    runs_here: ClassVar[bool] = True

    def require(self, precision: str = FP32) -> None:
        """Stop where a package is missing, or the precision is not one of the target's.

        Args:
            precision: that is wanted.

        Raises:
            BadInputError: it does not write that precision.
            MachineError: a package is missing.
        """
        if precision not in self.precisions:
            raise BadInputError(
                f"{self.name} is not written in {precision}", where="--to", expected=", ".join(self.precisions),
                found=precision, todo="use --to onnx",
            )  # fmt: skip
        for package in self.packages:
            try:
                importlib.import_module(package)
            except ImportError as error:
                raise MachineError(
                    f"{package} is not installed, which the export to {self.name} needs",
                    todo=f"pip install 'kpplugins[{self.extra}]'",
                ) from error

    def graph_for(self, graph: Any) -> Any:
        """Return what of a graph this target writes: the graph itself, or one with other inputs.

        Args:
            graph: see ``deploy.graphs``.

        Returns:
            A graph.
        """
        return graph

    def write(self, graph: Any, folder: Path, order: Order) -> None:
        """Write a graph.

        Args:
            graph: from ``graph_for``, on the CPU and in evaluation mode.
            folder: gets the file; it exists.
            order: how.

        Raises:
            BadInputError: it cannot be written in this format.
        """
        possible = getattr(graph, "precisions", self.precisions)
        if order.precision not in possible:
            raise BadInputError(
                f"this kind of model is not exported in {order.precision}", where=type(graph).__name__,
                expected=", ".join(possible),
            )  # fmt: skip
        with _one_line(self.name):
            self._write(graph, folder, order)

    @abstractmethod
    def _write(self, graph: Any, folder: Path, order: Order) -> None:
        """Write a graph; any exception becomes one line."""


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    try:
        yield
    except (BadInputError, KeyboardInterrupt, MemoryError, OSError):
        raise
    except Exception as error:  # converters raise whatever they meet
        root: BaseException = error
        while root.__cause__ is not None:
            root = root.__cause__
        raise BadInputError(
            f"cannot write this network as {name}",
            found=f"{type(root).__name__}: {str(root).strip().splitlines()[0] if str(root).strip() else ''}",
        ) from error
