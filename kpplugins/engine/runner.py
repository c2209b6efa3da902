"""Building MMEngine's Runner, with one-line messages for faults in the config."""

import traceback
from collections.abc import Callable
from functools import partial
from logging import FileHandler
from pathlib import Path
from typing import Any

import cv2
from mmengine.config import Config
from mmengine.dist import get_backend, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.registry import VISUALIZERS
from mmengine.runner import CheckpointLoader, EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmengine.visualization import Visualizer
from torch.utils.data import DataLoader

from kpplugins.config.parts import own_datasets
from kpplugins.data.images import read_image
from kpplugins.datasets.lost_samples import failing_image
from kpplugins.engine.averaging import follow_length
from kpplugins.engine.cached_text_config import CachedTextConfig
from kpplugins.engine.continuity.epoch_loop import ContinuedEpochLoop
from kpplugins.engine.continuity.iteration_loop import ContinuedIterationLoop
from kpplugins.engine.continuity.state import LENGTH, progress_of, restore, save_between
from kpplugins.engine.continuity.stop_signals import StopSignals, end_by, shield_worker
from kpplugins.engine.freeze_hook import freeze_parts, frozen_by
from kpplugins.engine.guards.guarded import guarded_hooks
from kpplugins.engine.guards.loaders import end_workers, require_batches
from kpplugins.engine.guards.lost_samples_hook import leave_out_lost
from kpplugins.engine.guards.torch_errors import one_line_of
from kpplugins.engine.processes.joining import wrapping
from kpplugins.engine.schedules import Start, fitted, require_resumable
from kpplugins.models.heads.output_size import require_output_size
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replaced_file
from kpplugins.weights.checkpoints import unwrapped
from kpplugins.weights.keypoint_rows import with_our_keypoints
from kpplugins.weights.pretrained import keep_fitting, weights_of
from kpplugins.weights.run_record import KEY, RunRecord, record_of

_OF_TRAINING = {
    "EMAHook",
    "EarlyStoppingHook",
    "FeatureCacheHook",
    "FreezeHook",
    "TimeBudgetHook",
    "UnfreezeHook",
}
"""Hooks that a test does not need: the checkpoint holds the averaged weights already, and there is nothing to stop."""
_BEST = "best_"
"""How the names of the best checkpoints begin."""
_LOOPS = (
    (True, ("EpochBasedTrainLoop", EpochBasedTrainLoop), ContinuedEpochLoop),
    (False, ("IterBasedTrainLoop", IterBasedTrainLoop), ContinuedIterationLoop),
)
"""``by_epoch``, MMEngine's loop by name or class, and ours."""


_TEXTS = ("config", "cfg")
"""Where MMEngine keeps configs in a checkpoint's ``meta``."""


class KeepingRunner(Runner):
    """MMEngine's Runner, but it writes its config into the work dir only on request, not when it is built.

    Neither a test nor a training that fails to start can then overwrite the config beside a run's checkpoints. What
    prediction needs besides the weights goes into every checkpoint.

    Attributes:
        record: the run's record, which goes into every checkpoint.
        opened: content of checkpoints that have been read already, by path; what is loaded is taken out.
        saved_at: the iteration of the last checkpoint that a training can go on from.
        signals: to stop, which the training has received.
    """

    record: RunRecord | None = None
    opened: dict[str, dict[str, Any]] | None = None
    saved_at: int | None = None
    signals: StopSignals
    _stored: dict[str, Any] | None = None

    def dump_config(self) -> None:
        """Do nothing; MMEngine calls it while the Runner is built."""

    def register_hooks(self, default_hooks: Any = None, custom_hooks: Any = None) -> None:
        """Register the hooks, in a training with the guards (see ``engine.guards``)."""
        if self._train_dataloader is not None:
            default_hooks, custom_hooks = guarded_hooks(default_hooks, custom_hooks)
        else:
            custom_hooks = [*(custom_hooks or ()), dict(type="mmpose.LostSamplesHook")]
        super().register_hooks(default_hooks, custom_hooks)

    def build_evaluator(self, evaluator: Any) -> Evaluator:
        """Build an evaluator as MMEngine does; by gloo, results go to the first process without a shared folder."""
        built = super().build_evaluator(evaluator)
        if get_backend() == "gloo":
            for metric in built.metrics:
                if metric.collect_dir is None:
                    metric.collect_device = "gpu"  # MMEngine's word for "through the process group"
        return built

    def build_visualizer(self, visualizer: Visualizer | dict | None = None) -> Visualizer:
        """Build a new visualizer for every run.

        MMEngine keeps visualizers by name as long as the process runs, and MMPose calls all of them ``visualizer``: the
        losses and metrics of a second run in a process, such as a notebook, would go to the folder of the first.
        """
        if isinstance(visualizer, dict) and "name" in visualizer:
            with VISUALIZERS.switch_scope_and_registry(None) as registry:
                kind = visualizer["type"]
                kind = registry.get(kind) if isinstance(kind, str) else kind
            getattr(kind, "_instance_dict", {}).pop(visualizer["name"], None)
        return super().build_visualizer(visualizer)

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger, which stops the run when its file cannot be written, with the system's error."""
        built = super().build_logger(*args, **kwargs)
        for handler in built.handlers:
            if isinstance(handler, FileHandler):
                handler.handleError = _raise_again  # type: ignore[method-assign]  # no traceback a line
        return built

    def wrap_model(self, model_wrapper_cfg: Any, model: Any) -> Any:
        """Freeze the parts that ``FreezeHook`` names, then wrap the model as MMEngine does."""
        freeze_parts(model, frozen_by(self.cfg.get("custom_hooks") or []))
        return super().wrap_model(model_wrapper_cfg, model)

    def _build_param_scheduler(self, scheduler: Any, optim_wrapper: Any) -> list:
        """Build the schedulers of an optimizer, fitted to this training (see ``schedules``)."""
        fitting = fitted(scheduler, optim_wrapper, self._train_loop, stretch=bool(own_datasets(self.cfg)))
        return super()._build_param_scheduler(fitting, optim_wrapper)

    @staticmethod
    def build_dataloader(dataloader: Any, *args: Any, **kwargs: Any) -> DataLoader:
        """Build a loader as MMEngine does, whose workers leave signals to the training.

        One that skips bad files leaves out what its dataset cannot read.
        """
        loader = Runner.build_dataloader(dataloader, *args, **kwargs)
        leave_out_lost(loader)
        loader.worker_init_fn = partial(shield_worker, inner=loader.worker_init_fn)
        return loader

    def build_train_loop(self, loop: Any) -> Any:
        """Build the training loop, in place of MMEngine's own kinds the one that can go on anywhere."""
        kind = loop.get("type") if isinstance(loop, dict) else None
        for by_epoch, theirs, ours in _LOOPS:
            if isinstance(loop, dict) and (
                kind is None and loop.get("by_epoch") is by_epoch or kind in theirs
            ):
                settings = {key: value for key, value in loop.items() if key not in ("type", "by_epoch")}
                return ours(runner=self, dataloader=self._train_dataloader, **settings)
        return super().build_train_loop(loop)

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Resume as MMEngine does, but with the schedule and the optimizer's settings of this run's config."""
        start = Start(self)
        super().resume(filename, *args, **kwargs)
        stored = self._stored or {}
        start.follow(len(stored.get("param_schedulers") or ()), stored["meta"].get(LENGTH))
        restore(self, stored)
        if Path(filename).resolve().parent == Path(self.work_dir).resolve():
            self.saved_at = self.iter
        self._stored = None

    def keep_config(self) -> None:
        """Write the settled config into the work dir."""
        with replaced_file(
            Path(self.work_dir) / Path(self.cfg.filename or f"{self.timestamp}.py").name
        ) as aside:
            self.cfg.dump(aside)

    def train(self) -> Any:
        """Train as MMEngine does; bad input on the way raises a one-line BadInputError."""
        if own_datasets(self.cfg):
            follow_length(self.hooks, self.train_loop.max_iters, self.train_loop.max_epochs)
        with StopSignals() as self.signals:
            try:
                model = _telling(super().train, str(self.cfg.filename))
            finally:
                end_workers(self._train_loop, self._val_loop)
        end_by(self.signals.received)
        return model

    def test(self) -> Any:
        """Test as MMEngine does; bad input on the way raises a one-line BadInputError."""
        try:
            return _telling(super().test, str(self.cfg.filename))
        finally:
            end_workers(self._test_loop)

    def save_checkpoint(
        self, out_dir: str, filename: str, *args: Any, meta: dict | None = None, **kwargs: Any
    ) -> None:
        """Save a checkpoint, whole or not at all, with what testing and resuming need besides MMEngine's content."""
        record = {} if self.record is None else {KEY: self.record.to_meta()}
        meta = {**(meta or {}), **record, **progress_of(self)}
        if not is_main_process() or "://" in str(out_dir):
            super().save_checkpoint(out_dir, filename, *args, meta=meta, **kwargs)
        else:
            Path(out_dir).mkdir(parents=True, exist_ok=True)
            with replaced_file(Path(out_dir) / filename) as aside:
                super().save_checkpoint(str(aside.parent), aside.name, *args, meta=meta, **kwargs)
            if self.record is not None and (
                filename.startswith(_BEST) or not any(Path(out_dir).glob(f"{_BEST}*"))
            ):
                self.record.save_calibrations(Path(out_dir) / filename)
        if kwargs.get("save_optimizer", True):
            self.saved_at = meta.get("iter")

    def save_and_end(self, epoch: int, iteration: int, received: int) -> None:
        """Save a checkpoint to resume from, unless there is one of this iteration, and end the process.

        Args:
            epoch: epochs that are done.
            iteration: iterations that are done.
            received: the number of the signal.

        Raises:
            KeyboardInterrupt: the process was told to stop by Ctrl-C.
            SystemExit: it was told so by another signal.
        """
        if self.saved_at != iteration:
            save_between(self, epoch, iteration)
        self.logger.warning("stopped after iteration %d of %d; to go on: --resume", iteration, self.max_iters)
        end_by(received)

    def load_checkpoint(self, filename: str, map_location: Any = "cpu", **kwargs: Any) -> dict[str, Any]:
        """Load the tensors of a checkpoint that fit, and log the others (see ``keep_fitting``).

        Hooks see only those that fit. MMEngine calls this for ``load_from`` and to resume; it would run the text of the
        config in ``meta`` as Python to compare numbers of GPUs, so it does not get to see that text.
        """
        content = (self.opened or {}).pop(filename, None)
        if content is None:
            content = CheckpointLoader.load_checkpoint(filename, map_location)
        if self._resume:
            require_resumable(content, filename, self.optim_wrapper)
            self._stored = content
        else:
            content = self._by_keypoint_name(content, filename)
        checkpoint = keep_fitting(unwrapped(self.model), content, filename)
        self.call_hook("after_load_checkpoint", checkpoint=checkpoint)
        unwrapped(self.model).load_state_dict(checkpoint["state_dict"], strict=False)
        self._has_loaded = True
        meta = {key: value for key, value in (checkpoint.get("meta") or {}).items() if key not in _TEXTS}
        return {**checkpoint, "meta": meta}

    def _by_keypoint_name(self, content: dict[str, Any], filename: str) -> dict[str, Any]:
        """Give our keypoints the weights of those of their names, where the checkpoint says what its keypoints are."""
        ours = None if self.record is None else self.record.schema
        theirs = record_of(content, Path(filename)).schema if ours is not None else None
        if ours is None or theirs is None:
            return content
        weights = with_our_keypoints(
            unwrapped(self.model), self.cfg.model.to_dict(), weights_of(content), ours, theirs
        )
        kept = {k: v for k, v in content.items() if k != "state_dict"} if "state_dict" in content else {}
        return {**kept, "state_dict": weights}


def build_runner(cfg: Config, *, training: bool) -> KeepingRunner:
    """Build the Runner of a settled config, with its datasets and loops.

    Args:
        cfg: from ``load_config``; changed in place.
        training: build the training and validation loops, else the test loop.

    Returns:
        The Runner.

    Raises:
        BadInputError: a part that cannot be built, in one line.
    """
    if not training:
        cfg.train_dataloader = cfg.train_cfg = cfg.optim_wrapper = cfg.param_scheduler = None
        cfg.val_dataloader = cfg.val_cfg = cfg.val_evaluator = None
        cfg.resume, cfg.load_from = False, None
        hooks = cfg.get("custom_hooks") or []
        cfg.custom_hooks = [h for h in hooks if str(h["type"]).rsplit(".", 1)[-1] not in _OF_TRAINING]
    cfg.model_wrapper_cfg = wrapping(cfg)
    try:
        runner = KeepingRunner.from_cfg(CachedTextConfig.of(cfg))
        require_output_size(runner.model)
        loops = (runner.train_loop, runner.val_loop) if training else (runner.test_loop,)
        require_batches(loops)
    except Exception as error:
        raise _plain(error, cfg) from error
    return runner


def _raise_again(record: Any) -> None:
    """Raise the error that is being handled."""
    raise  # noqa: PLE0704


def _telling(work: Callable[[], Any], where: str) -> Any:
    """Run ``work``; errors about bad input, the machine or missing packages become ``BadInputError``.

    A worker passes its error on as text: the traceback, with the message in the last line.
    """
    try:
        return work()
    except (AssertionError, OSError, ValueError, RuntimeError, ImportError, MemoryError, cv2.error) as error:
        text = str(error)
        unreadable = failing_image(error) if "occurs when loading" in text else None
        if unreadable:
            _require_readable(unreadable, error)
        if isinstance(error, BadInputError):
            if "DataLoader worker" in text:
                raise _of_worker(error) from error
            raise
        told = one_line_of(error, where)
        if told is not None:
            raise told from error
        raise
    except TypeError as error:  # MMEngine builds optimizer and schedulers when the training starts
        if any(frame.name == "build_from_cfg" for frame in traceback.extract_tb(error.__traceback__)):
            raise _unbuilt(error, where) from error
        raise


def _unbuilt(error: BaseException, where: str) -> BadInputError:
    text = (
        error.args[0] if isinstance(error, KeyError) and error.args else error
    )  # a KeyError's text has quotes
    message = " ".join(str(text).split())
    return BadInputError(f"config cannot be built: {message}", where=where)


def _of_worker(error: BadInputError) -> BadInputError:
    """Return what a worker raised; PyTorch passes its traceback on as text, with the message in the last line."""
    own = error.what.strip().splitlines()[-1].partition(": ")[2]
    where, _, said = own.partition(": ")
    what, _, todo = said.partition("; to do: ")
    return BadInputError(what, where=where, todo=todo) if what else BadInputError(own)


def _require_readable(image: str, error: BaseException) -> None:
    """Raise the reason why an image could not be loaded."""
    todo = "fetch it again, or skip bad files with --skip-bad"
    try:
        read_image(image)
    except BadInputError as reason:
        raise BadInputError(reason.what, where=image, todo=todo) from error
    raise BadInputError("image cannot be decoded", where=image, todo=todo) from error


def _plain(error: BaseException, cfg: Config) -> BaseException:
    """Return the BadInputError behind MMEngine's re-raised errors, or turn another building error into one."""
    inner: Any = error
    while inner is not None:
        if isinstance(inner, BadInputError) and not inner.what.startswith("class `"):
            return inner
        inner = inner.__cause__ or inner.__context__
    told = one_line_of(error, str(cfg.filename))
    if told is not None:
        return told
    if isinstance(error, (TypeError, KeyError, ValueError, FileNotFoundError, AssertionError)):
        return _unbuilt(error, str(cfg.filename))
    return error
