"""Top-down graphs as LiteRT (TensorFlow Lite) files, for phones and small boards."""

from pathlib import Path
from typing import Any

from kpplugins.deploy.graphs.crops_graph import CropsGraph
from kpplugins.deploy.graphs.top_down_graph import TopDownGraph
from kpplugins.deploy.targets.export_target import ExportTarget, Order
from kpplugins.deploy.targets.onnx_target import example_of, quiet
from kpplugins.structures import BadInputError


class LitertTarget(ExportTarget):
    """LiteRT: sizes are fixed, so that the file takes one crop, which the program cuts (``words`` of model.json)."""

    name = "litert"
    file = "model.tflite"
    extra = "litert"
    packages = ("litert_torch", "ai_edge_litert")

    def graph_for(self, graph: Any) -> Any:
        """Return the graph without its crop."""
        return crops_of(graph, self.name)

    def _write(self, graph: Any, folder: Path, order: Order) -> None:
        import litert_torch

        with quiet():
            litert_torch.convert(graph.eval(), example_of(graph.inputs)).export(str(folder / self.file))


def crops_of(graph: Any, name: str) -> CropsGraph:
    """Return a graph without its crop.

    Args:
        graph: of a top-down model.
        name: of the target, for the message.

    Returns:
        What takes a crop.

    Raises:
        BadInputError: the graph is of another kind.
    """
    if not isinstance(graph, TopDownGraph):
        raise BadInputError(
            f"only top-down models are written as {name}, whose sizes are fixed",
            where="--to",
            todo="use --to onnx",
        )
    return CropsGraph(graph).eval()
