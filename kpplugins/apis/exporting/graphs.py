"""The graph of a trained model, and what is compared of it."""

from typing import Any

from mmpose.models import TopdownPoseEstimator
from torch import nn

from kpplugins.apis.exporting.proof import Proof
from kpplugins.apis.exporting.top_down_proof import TopDownProof
from kpplugins.apis.exporting.whole_image_graphs import box_graph, one_stage_graph
from kpplugins.apis.exporting.whole_image_proof import WholeImageProof
from kpplugins.deploy.graphs.pixel_network import PixelNetwork
from kpplugins.deploy.graphs.top_down_facts import top_down_facts
from kpplugins.deploy.graphs.top_down_graph import TopDownGraph
from kpplugins.inference.trained.trained_model import TrainedModel, kind_of
from kpplugins.structures import BadInputError
from kpplugins.structures.model_kind import ONE_STAGE, TOP_DOWN


def graph_of(trained: TrainedModel, flip_test: bool) -> nn.Module:
    """Build the graph of a trained model, by its kind.

    Args:
        trained: the model, on the CPU.
        flip_test: average with the mirrored crop or image.

    Returns:
        See ``deploy.graphs``.

    Raises:
        BadInputError: there is no graph for a model like this.
    """
    kind = kind_of(trained.config)
    if kind == TOP_DOWN:
        return _top_down(trained, flip_test).eval()
    if kind == ONE_STAGE:
        return one_stage_graph(trained, flip_test).eval()
    if flip_test:
        raise BadInputError("a detector has no flip test", where="--flip-test", found=trained.name)
    return box_graph(trained).eval()


def proof_of(trained: TrainedModel, graph: nn.Module, flip_test: bool) -> Proof:
    """Return what is compared of a model, by its graph.

    Args:
        trained: the trained model.
        graph: from ``graph_of``.
        flip_test: both average with the mirrored crop.

    Returns:
        The comparer.
    """
    kind: Any = TopDownProof if isinstance(graph, TopDownGraph) else WholeImageProof
    proof: Proof = kind(trained, graph, flip_test)
    return proof


def _top_down(trained: TrainedModel, flip_test: bool) -> nn.Module:
    model: Any = trained.network
    codec: Any = getattr(getattr(model, "head", None), "decoder", None)
    if (
        codec is None
        or not isinstance(model, TopdownPoseEstimator)
        or getattr(codec, "input_size", None) is None
    ):
        raise BadInputError(
            "only top-down models with one codec are exported", where=trained.name,
            expected="model.type TopdownPoseEstimator and model.head.decoder with an input_size",
            found=f"{type(model).__name__} with {type(codec).__name__ if codec else 'no codec'}",
        )  # fmt: skip
    size = (int(codec.input_size[0]), int(codec.input_size[1]))
    divisor = getattr(model.data_preprocessor, "pad_size_divisor", 1)
    if any(n % divisor for n in size):
        raise BadInputError(
            "models that pad their inputs are not exported", where="model.data_preprocessor.pad_size_divisor",
            expected=f"one that divides {size[0]}×{size[1]}", found=str(divisor),
        )  # fmt: skip
    network = PixelNetwork(model, size)
    steps = trained.config.test_dataloader.dataset.pipeline
    facts = top_down_facts(codec, steps, network.names, model.test_cfg or {}, trained.schema, flip_test)
    return TopDownGraph(network, facts, trained.schema.num_keypoints)
