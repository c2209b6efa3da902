"""What a checkpoint needs, besides MMEngine's content, for a training to go on as if it had not been stopped."""

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.runner import EpochBasedTrainLoop

from kpplugins.structures.replaced_file import replace_text
from kpplugins.weights.checkpoints import unwrapped

LENGTH, INTERIM, OUTDATED = "batches_per_epoch", "interim_checkpoint", "outdated_checkpoints"
"""Keys: the first in a checkpoint's ``meta``; the others in the message hub, for files that the next checkpoint makes
superfluous and that this one did."""
_SEED, _GRADIENTS = "sampler_seed", "gradients"


def progress_of(runner: Any) -> dict[str, Any]:
    """Return what a checkpoint's ``meta`` says of the data that the training has seen.

    Args:
        runner: in training.

    Returns:
        Batches per epoch, where there are epochs, and the sampler's seed.
    """
    loop, sampler = runner.train_loop, _sampler(runner)
    length = {LENGTH: len(loop.dataloader)} if isinstance(loop, EpochBasedTrainLoop) else {}
    return length | ({_SEED: sampler.seed} if isinstance(getattr(sampler, "seed", None), int) else {})


def pending_gradients(runner: Any) -> dict[str, Any]:
    """Return what a checkpoint has to hold of gradients that wait for the optimizer's next step.

    Args:
        runner: in training.

    Returns:
        The gradients by name, to be added to the checkpoint; empty unless several batches make a step.
    """
    if getattr(runner.optim_wrapper, "_accumulative_counts", 1) == 1:
        return {}
    parameters = unwrapped(runner.model).named_parameters()
    waiting = {name: p.grad.cpu() for name, p in parameters if p.grad is not None}
    return {_GRADIENTS: waiting} if waiting else {}


def restore(runner: Any, content: dict[str, Any]) -> None:
    """Take the seeds of the checkpoint's training, and its gradients.

    Args:
        runner: that has resumed from the checkpoint.
        content: of the checkpoint.
    """
    sampler, batches = _sampler(runner), getattr(runner.train_loop, "batches", None)
    if hasattr(sampler, "seed"):
        sampler.seed = content["meta"].get(_SEED, runner.seed)
    if batches is not None:
        batches.seed = runner.seed
    parameters = dict(unwrapped(runner.model).named_parameters())
    for name, gradient in content.get(_GRADIENTS, {}).items():
        parameters[name].grad = gradient.to(parameters[name].device)


def save_between(runner: Any, epoch: int, iteration: int) -> None:
    """Save a checkpoint that is due to nothing but the end of the process; the next one replaces it.

    Args:
        runner: in training.
        epoch: epochs that are done.
        iteration: iterations that are done.
    """
    name = f"iter_{iteration}.pth"
    runner.message_hub.update_info(INTERIM, name)
    runner.save_checkpoint(runner.work_dir, name, meta=dict(epoch=epoch, iter=iteration), by_epoch=False)
    point_to(runner.work_dir, str(Path(runner.work_dir) / name))


def point_to(work_dir: str, checkpoint: str) -> None:
    """Make a checkpoint, which is whole and on the disk, the one that ``--resume`` takes.

    Args:
        work_dir: of the run.
        checkpoint: its path.
    """
    if is_main_process():
        replace_text(Path(work_dir) / "last_checkpoint", checkpoint)


def _sampler(runner: Any) -> Any:
    """Return what orders the samples of the training."""
    loader = runner.train_loop.dataloader
    return getattr(getattr(loader, "batch_sampler", None), "sampler", None)
