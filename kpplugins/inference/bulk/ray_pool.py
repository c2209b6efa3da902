"""Predictions on a Ray cluster: workers hold the model; one that dies is replaced, and its images are done again."""

import itertools
import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kpplugins.extras import cure
from kpplugins.inference.bulk.image_worker import ImageWorker
from kpplugins.inference.bulk.model_choice import ModelChoice
from kpplugins.inference.bulk.outcome import Outcome
from kpplugins.structures import BadInputError, MachineError

logger = logging.getLogger(__name__)
_AHEAD = 4
"""Batches for each worker that are under way or wait for those before them."""
_EACH = 2
"""Batches that a worker has at once, so that it need not wait for the next."""
_PATIENCE = 300.0
"""Seconds without any worker after which the run is given up."""
_TRIES = 2
"""Workers that may die while they predict on a batch, or on an image alone, before it is taken for the reason."""
_DEATHS = 3
"""Workers in a row, for each that is wanted, that may die before one has started."""


class RayPool:
    """Workers on a Ray cluster that predict batch by batch; results come in the order of the names.

    Args:
        model: settled; its files must be readable on every machine under the same names.
        identity: of the model; a machine that has another one stops the run.
        address: of the cluster; empty takes RAY_ADDRESS, else starts a cluster on this machine.
        workers: how many; default: as many as the cluster has GPUs, or else CPUs.
        batch_size: images in a batch.

    Raises:
        MachineError: Ray is not installed, or there is no cluster at the address.
    """

    def __init__(
        self, model: ModelChoice, identity: dict[str, Any], address: str = "", workers: int | None = None,
        batch_size: int = 16,
    ) -> None:  # fmt: skip
        self._ray = _connected(address)
        self._model, self._identity, self._batch_size = model, identity, batch_size
        cluster = self._ray.cluster_resources()
        on_gpus = (model.device or "cuda").startswith("cuda") and cluster.get("GPU", 0) >= 1
        self._workers = workers or max(1, int(cluster.get("GPU" if on_gpus else "CPU", 1)))
        self._kind = self._ray.remote(num_cpus=1, num_gpus=int(on_gpus), max_restarts=0)(_RayWorker)
        self._queues: dict[
            Any, list[_Batch]
        ] = {}  # of each worker that has started, in the order of its work
        self._starting: dict[Any, Any] = {}  # worker by the reference of its start
        self._running: dict[Any, _Batch] = {}
        self._deaths = 0

    def __call__(self, names: Iterable[str]) -> Iterator[Outcome]:
        """Predict on images.

        Args:
            names: files and addresses that every machine can read; relative ones are relative to this one's folder.

        Yields:
            One outcome for each name, in order.

        Raises:
            BadInputError: a worker cannot open the model; a ``MachineError`` if no worker starts.
        """
        rest = iter(names)
        order: deque[_Batch] = deque()
        try:
            while True:
                while len(order) < _AHEAD * self._workers and (
                    batch := list(itertools.islice(rest, self._batch_size))
                ):
                    order.append(_Batch(batch))
                if not order:
                    return
                while order and order[0].outcomes is not None:
                    yield from order.popleft().outcomes or ()
                if order:
                    self._hire()
                    self._hand_out(order)
                    self._wait(order)
        finally:
            self._dismiss()

    def _hire(self) -> None:
        """Have as many workers as are wanted; those for which the cluster has no room now start later."""
        for _ in range(self._workers - len(self._queues) - len(self._starting)):
            worker = self._kind.remote(self._model, self._identity, os.getcwd(), self._batch_size)  # noqa: PTH109
            self._starting[worker.start.remote()] = worker

    def _hand_out(self, order: Iterable["_Batch"]) -> None:
        waiting = [batch for batch in order if batch.outcomes is None and not batch.running]
        for batch in waiting:
            free = min(self._queues, key=lambda worker: len(self._queues[worker]), default=None)
            if free is None or len(self._queues[free]) >= _EACH:
                return
            batch.running, batch.worker = True, free
            self._queues[free].append(batch)
            self._running[free.predict.remote(batch.names)] = batch

    def _wait(self, order: deque["_Batch"]) -> None:
        """Wait until a batch is done, or a worker has started or died."""
        patience = None if self._queues else _PATIENCE
        ready, _ = self._ray.wait([*self._starting, *self._running], num_returns=1, timeout=patience)
        if not ready:
            raise MachineError(
                f"no worker of the Ray cluster has started within {_PATIENCE:.0f} s",
                todo="see `ray status`: are there free CPUs or GPUs?",
            )
        if ready[0] in self._starting:
            self._started(ready[0])
        else:
            self._ended(ready[0], order)

    def _started(self, reference: Any) -> None:
        worker = self._starting.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise _cause(error) from error
        except self._ray.exceptions.RayError as error:
            self._deaths += 1
            if self._deaths > _DEATHS * self._workers:
                raise MachineError(
                    "the workers of the Ray cluster die when they start", found=_line(error),
                    todo="is there memory for the model? `ray logs` says more",
                ) from error  # fmt: skip
        else:
            self._queues[worker], self._deaths = [], 0

    def _ended(self, reference: Any, order: deque["_Batch"]) -> None:
        batch = self._running.pop(reference)
        try:
            batch.outcomes = self._ray.get(reference)
            self._queues[batch.worker].remove(batch)
        except self._ray.exceptions.RayTaskError as error:
            raise _cause(error) from error
        except self._ray.exceptions.RayError as error:
            logger.warning("a worker of the Ray cluster died (%s); its images are done again", _line(error))
            lost = self._queues.pop(batch.worker)
            self._running = {ref: other for ref, other in self._running.items() if other not in lost}
            for other in lost:
                other.running = False
            lost[0].tries += 1  # the one that it was at; the others were waiting
            if lost[0].tries >= _TRIES:
                _split(lost[0], order)

    def _dismiss(self) -> None:
        for worker in (*self._queues, *self._starting.values()):
            self._ray.kill(worker)
        self._queues, self._starting, self._running = {}, {}, {}


class _RayWorker:
    """Runs in a process of the cluster."""

    def __init__(self, model: ModelChoice, identity: dict[str, Any], folder: str, batch_size: int) -> None:
        self._model, self._identity, self._folder, self._batch_size = model, identity, folder, batch_size
        self._worker: ImageWorker | None = None

    def start(self) -> None:
        """Open the model."""
        if self._model.identity() != self._identity:
            raise BadInputError(
                "another model on a machine of the Ray cluster", where=os.uname().nodename,
                expected=str(self._identity), found=str(self._model.identity()), todo="give all the same files",
            )  # fmt: skip
        self._worker = ImageWorker(self._model.open(), self._folder, self._batch_size)

    def predict(self, names: list[str]) -> list[Outcome]:
        """Predict on a batch."""
        if self._worker is None:
            raise RuntimeError("not started")
        return list(self._worker(names))


@dataclass(eq=False)
class _Batch:
    names: list[str]
    outcomes: list[Outcome] | None = None
    running: bool = False
    worker: Any = None
    tries: int = field(default=0)


def _split(batch: _Batch, order: deque[_Batch]) -> None:
    """Take a batch apart that workers die of; a single image that they die of is bad."""
    if len(batch.names) == 1:
        batch.outcomes = [Outcome(batch.names[0], fault=f"{batch.names[0]}: {_TRIES} workers died of it")]
        return
    place = order.index(batch)
    del order[place]
    for name in reversed(batch.names):
        order.insert(place, _Batch([name]))


def _connected(address: str) -> Any:
    """Return the module ``ray``, connected to a cluster."""
    try:
        import ray
    except ImportError as error:
        raise MachineError("the package ray is not installed", where="--ray", todo=cure("ray")) from error
    if not ray.is_initialized():
        try:
            ray.init(address=address or None, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise MachineError(
                "no Ray cluster can be reached", where=f"--ray {address}".strip(), found=_line(error),
                todo="start one with `ray start --head`, and give the address that it prints",
            ) from error  # fmt: skip
    return ray


def _cause(error: Any) -> Exception:
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, Exception) else error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
