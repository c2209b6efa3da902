"""Export a trained run as one folder that needs neither PyTorch nor MMPose."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kpplugins.apis.exporting.graphs import graph_of, proof_of
from kpplugins.apis.exporting.proof import prove, require_parity
from kpplugins.apis.exporting.samples import Samples, drawn_samples, labelled_samples, val_samples
from kpplugins.config.load import load_config
from kpplugins.deploy.description import describe
from kpplugins.deploy.exported_folder import DETECTOR_FOLDER, MODEL_FILE, PARITY_FILE, SCHEMA_FILE
from kpplugins.deploy.replaced_folder import replaced_folder, write_facts
from kpplugins.deploy.runtimes import open_runtime
from kpplugins.deploy.targets.export_target import FP16, FP32, INT8, ExportTarget, Order
from kpplugins.deploy.targets.registry import target_named
from kpplugins.inference.trained.trained_model import TrainedModel, build_trained, kind_of, open_run
from kpplugins.structures import BadInputError
from kpplugins.structures.model_kind import BOXES, TOP_DOWN
from kpplugins.weights.checkpoints import run_of
from kpplugins.weights.run_record import CALIBRATIONS

logger = logging.getLogger(__name__)


def export(
    config: str | Path | None = None,
    checkpoint: str | Path | None = None,
    out: str | Path | None = None,
    *,
    to: str = "onnx",
    fp16: bool = False,
    int8: str | Path | None = None,
    opset: int = 18,
    flip_test: bool = False,
    detector: str | Path | None = None,
    data: str | Path | None = None,
    accept_loss: bool = False,
    trust_checkpoint: bool = False,
) -> tuple[Path, dict[str, Any]]:
    """Write a trained model as a folder, and prove that it finds the same keypoints.

    The model in the folder takes an image and boxes and gives keypoints: crop, normalisation, network and decoding are
    inside. ``model.json`` says everything about it; see docs/export.md.

    Args:
        config: the config file. Default: the one in the checkpoint.
        checkpoint: Default: the best one of the config's work dir, or of the newest run.
        out: the folder. Default: ``NAME_FORMAT``, with the precision behind it, beside the checkpoint.
        to: the format, one of ``deploy.targets.registry.TARGETS``.
        fp16: store the network's weights in 16 bits.
        int8: labelled images in any known format, by which the network is calibrated to 8 bits.
        opset: of ONNX.
        flip_test: put the flip test into the model: twice the time for a slightly lower error.
        detector: config or checkpoint of a detector, which goes into the same folder.
        data: the data folder whose val split the models are compared on. Default: the config's own.
        accept_loss: keep fp16 or int8 even if it costs more than a point of AP.
        trust_checkpoint: let the checkpoint run code while it is loaded.

    Returns:
        The folder, and the content of its ``parity.json`` (see ``apis.exporting.proof.prove``).

    Raises:
        BadInputError: there is no such run, no graph for its model, a package is missing, or the exported model is too
            far from the trained one.
    """
    if fp16 and int8 is not None:
        raise BadInputError("two precisions", where="--fp16", expected="--fp16 or --int8")
    precision = FP16 if fp16 else INT8 if int8 is not None else FP32
    target = target_named(to)
    target.require(precision)
    given, checkpoint = run_of(config, checkpoint)
    trained = _opened(given, checkpoint, data, trust_checkpoint)
    kind = kind_of(trained.config)
    if detector is not None and kind != TOP_DOWN:
        raise BadInputError(
            "this model finds its boxes itself", where="--detector", found=f"{trained.name} finds {kind}"
        )
    name = f"{trained.name}_{to}" + ("" if precision == FP32 else f"_{precision}")
    path = Path(out) if out is not None else checkpoint.parent / name
    work = _Work(target, Order(precision, opset), None if int8 is None else Path(int8), data, accept_loss)
    with replaced_folder(path) as folder:
        report = work.write(trained, flip_test, folder, str(path))
        if detector is not None:
            finder = _opened(*run_of(detector, None), data, trust_checkpoint)
            if kind_of(finder.config) != BOXES:
                raise BadInputError("not a detector of boxes", where="--detector", found=finder.name)
            (folder / DETECTOR_FOLDER).mkdir()
            report["detector"] = work.write(
                finder, False, folder / DETECTOR_FOLDER, str(path / DETECTOR_FOLDER)
            )
    return path, report


def _opened(given: Any, checkpoint: Path, data: str | Path | None, trust: bool) -> TrainedModel:
    run = open_run(given, checkpoint, trust)
    if data is not None:
        cfg = load_config(run.config, data=data)
        run = replace(run, config=cfg)
    return build_trained(run, "cpu")


@dataclass(frozen=True)
class _Work:
    """How models are written; see ``export``."""

    target: ExportTarget
    order: Order
    calibration: Path | None
    data: str | Path | None
    accept_loss: bool

    def write(self, trained: TrainedModel, flip_test: bool, folder: Path, where: str) -> dict[str, Any]:
        """Write one model with its facts and its proof into a folder."""
        kind, graph = kind_of(trained.config), graph_of(trained, flip_test)
        proof, order, target = proof_of(trained, graph, flip_test), self.order, self.target
        if self.calibration is not None:
            seen = labelled_samples(trained, self.calibration)
            order = replace(order, calibration=lambda: (proof.inputs(sample) for sample in seen.read()))
        written, file = target.graph_for(graph), folder / target.file
        target.write(written, folder, order)
        schema = None if kind == BOXES else trained.schema
        facts = describe(
            written, file, kind=kind, name=trained.name, target=target.name, precision=order.precision, schema=schema,
            classes=trained.classes, pixels=trained.pixels, layout=trained.layout, flip_test=flip_test,
            calibrations={
                name: found.to_dict()
                for name in CALIBRATIONS
                if (found := getattr(trained, name)) is not None
            },
        )  # fmt: skip
        write_facts(folder / MODEL_FILE, facts)
        if schema is not None:
            schema.save(folder / SCHEMA_FILE)
        report: dict[str, Any] = {"file": target.file, "precision": order.precision}
        if target.runs_here:
            samples = _samples(trained, self.data)
            report |= prove(proof, open_runtime(target.name, file), samples, trained.config)
            require_parity(report, order.precision, self.accept_loss, where)
        else:
            report |= {"images": None, "keypoints": None, "scores": None, "metrics": None}
        write_facts(folder / PARITY_FILE, report)
        return report


def _samples(trained: TrainedModel, data: str | Path | None) -> Samples:
    """Return the val split, or drawn images where it is not there; data that are named must be there."""
    try:
        return val_samples(trained)
    except BadInputError as error:
        if data is not None:
            raise
        logger.warning("not compared on the val split: %s", error)
        return drawn_samples(trained, error.what)
