"""The graph of a trained model, and what is compared of it."""

from typing import Any

from mmpose.models import TopdownPoseEstimator
from torch import nn

from kpplugins.apis.exporting.proof import Proof
from kpplugins.apis.exporting.top_down_proof import TopDownProof
from kpplugins.deploy.graphs.pixel_network import PixelNetwork
from kpplugins.deploy.graphs.top_down_facts import top_down_facts
from kpplugins.deploy.graphs.top_down_graph import TopDownGraph
from kpplugins.inference.trained.trained_model import TrainedModel, kind_of
from kpplugins.structures import BadInputError
from kpplugins.structures.model_kind import TOP_DOWN


def graph_of(trained: TrainedModel, flip_test: bool) -> nn.Module:
    """Build the graph of a trained model, by its kind.

    Args:
        trained: the model, on the CPU.
        flip_test: average with the mirrored crop.

    Returns:
        See ``deploy.graphs``.

    Raises:
        BadInputError: there is no graph for a model like this.
    """
    kind = kind_of(trained.config)
    if kind == TOP_DOWN:
        return _top_down(trained, flip_test).eval()
    raise BadInputError(
        "there is no graph for models of this kind", where=trained.name, expected=f"a model that finds {TOP_DOWN}",
        found=f"one that finds {kind}",
    )  # fmt: skip


def proof_of(trained: TrainedModel, graph: nn.Module, flip_test: bool) -> Proof:
    """Return what is compared of a model, by its graph.

    Args:
        trained: the trained model.
        graph: from ``graph_of``.
        flip_test: both average with the mirrored crop.

    Returns:
        The comparer.

    Raises:
        BadInputError: nothing is known to be compared.
    """
    if isinstance(graph, TopDownGraph):
        return TopDownProof(trained, graph, flip_test)
    raise BadInputError(
        "there is no proof for models of this kind", where=trained.name, found=type(graph).__name__
    )


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
