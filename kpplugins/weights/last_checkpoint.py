"""The checkpoint from which a run goes on."""

import logging
import zipfile
from pathlib import Path

from kpplugins.structures import BadInputError
from kpplugins.weights.checkpoints import age_of

logger = logging.getLogger(__name__)
POINTER = "last_checkpoint"
"""MMEngine's file that names a run's last checkpoint."""


def last_checkpoint(work_dir: Path) -> Path:
    """Return the checkpoint that a run's ``last_checkpoint`` names; if it is damaged, say so and return the one before.

    Args:
        work_dir: of the run; it may have been moved since.

    Returns:
        A checkpoint that is whole.

    Raises:
        BadInputError: there is none.
    """
    pointer = work_dir / POINTER
    named = Path(pointer.read_text(encoding="utf-8").strip()) if pointer.is_file() else Path()
    found = [*work_dir.glob("epoch_*.pth"), *work_dir.glob("iter_*.pth")]
    found = sorted(found, key=age_of, reverse=True)
    first = named if named.is_file() else work_dir / named.name
    if first.is_file():
        found = [first, *(path for path in found if not path.samefile(first))]
    faults: list[str] = []
    for path in found:
        fault = fault_of(path)
        if fault is None:
            if faults:
                logger.warning("%s; resumed from the one before it: %s", "; ".join(faults), path)
            return path
        faults.append(f"{path} is damaged ({fault})")
    raise BadInputError(
        "nothing to resume", where=str(work_dir), expected="the run's last_checkpoint, or epoch_*.pth",
        found="; ".join(faults),
        todo=f"start from the weights of its best checkpoint: load_from = '{best.name}'"
        if (best := next(iter(sorted(work_dir.glob("best_*.pth"))), None)) else "train without --resume first",
    )  # fmt: skip


def fault_of(checkpoint: Path) -> str | None:
    """Say what is wrong with a checkpoint's bytes, whose checksums PyTorch writes and does not read.

    Args:
        checkpoint: the file.

    Returns:
        The fault; ``None`` for a whole file, and for one of PyTorch before 1.6, which has no checksums.
    """
    try:
        with zipfile.ZipFile(checkpoint) as parts:
            broken = parts.testzip()
        return None if broken is None else f"wrong checksum of {broken}"
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        with checkpoint.open("rb") as file:
            return None if file.read(1) == b"\x80" else str(error)  # a plain pickle
    except OSError as error:
        return error.strerror or str(error)
