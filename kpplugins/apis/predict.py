"""Predict on any number of images, one JSON line each."""

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kpplugins.inference.bulk.image_names import ImageNames, key_of
from kpplugins.inference.bulk.image_worker import ImageWorker
from kpplugins.inference.bulk.model_choice import ModelChoice
from kpplugins.inference.bulk.name_set import NameSet
from kpplugins.inference.bulk.outcome import Outcome
from kpplugins.inference.bulk.progress import Progress
from kpplugins.inference.bulk.ray_pool import RayPool
from kpplugins.inference.bulk.results_file import ResultsFile
from kpplugins.inference.bulk.shard import Shard
from kpplugins.structures import BadInputError
from kpplugins.structures.addresses import is_address

_AT_ONCE = 1024
"""Names that are looked up together among the finished ones."""
_SHOWN = 100
"""Inputs that are kept in the record of the run; a shell may have made a million of a pattern."""


@dataclass
class PredictSummary:
    """What a run did.

    Attributes:
        out: the file of results.
        written: lines written now.
        before: images that had a line already.
        bad: images without a prediction.
        twice: names that were given or found more than once; done once.
        passed_over: files that were found in folders and are not images, by ending.
        bad_file: the list of bad images; ``None`` if there are none.
    """

    out: Path
    written: int = 0
    before: int = 0
    bad: int = 0
    twice: int = 0
    passed_over: dict[str, int] | None = None
    bad_file: Path | None = None


def predict(
    inputs: Sequence[str | Path],
    out: str | Path,
    model: ModelChoice | None = None,
    *,
    lists: Sequence[str | Path] = (),
    shard: str | None = None,
    batch_size: int = 16,
    ray: str | None = None,
    workers: int | None = None,
) -> PredictSummary:
    """Predict on images and append one JSON line each to a file, in their order; go on where an earlier run stopped.

    Bad images do not stop the run: they are listed in ``FILE.bad.jsonl``, and tried again by the next run.

    Args:
        inputs: files, folders, patterns and addresses, see ``ImageNames``.
        out: the file of results, ``.jsonl``.
        model: default: the newest run.
        lists: text files of names.
        shard: ``3/8`` does the third of eight parts, into ``out`` with ``.3-of-8`` in its name. Default: the part of
            this process if torchrun started it, else all.
        batch_size: what goes through the network at once (boxes, or images of a one-stage model), and the images whose
            lines are written together.
        ray: address of a Ray cluster, empty for one on this machine; ``None`` predicts in this process.
        workers: number of Ray workers; default: one a GPU or CPU.

    Returns:
        What was done.

    Raises:
        BadInputError: an input, the model or the file of results is not what it should be. A ``MachineError`` where the
            machine is at fault.
    """
    if batch_size < 1:
        raise BadInputError(
            "not a number of images", where="--batch-size", expected="≥ 1", found=str(batch_size)
        )
    names = ImageNames(list(map(str, inputs)), list(map(str, lists)))
    part = Shard.parse(shard) if shard is not None else Shard.of_launcher()
    chosen = (model or ModelChoice()).settled()
    facts = {
        "model": chosen.identity(), "options": chosen.options(), "shard": part.text, "folder": os.getcwd(),  # noqa: PTH109
        "relative": any(not (is_address(given) or Path(given).is_absolute()) for given in names.inputs),
        "inputs": names.inputs[:_SHOWN] + [f"and {len(names.inputs) - _SHOWN} more"] * (len(names.inputs) > _SHOWN),
        "lists": names.lists,
    }  # fmt: skip
    summary = PredictSummary(part.file(Path(out)))

    def outcomes(wanted: Iterator[str]) -> Iterator[Outcome]:
        first = next(wanted, None)
        if first is None:  # nothing to do: the model need not be loaded
            return iter(())
        work: Callable[[Iterable[str]], Iterator[Outcome]]
        if ray is None:
            work = ImageWorker(chosen.open(), batch_size=batch_size)
        else:
            work = RayPool(chosen, chosen.identity(), ray, workers, batch_size)
        return work(itertools.chain([first], wanted))

    counted = ImageNames(names.inputs, names.lists) if names.countable else None
    with (
        ResultsFile(summary.out, facts) as results,
        Progress(counted, lambda n: part.holds(key_of(n))) as bar,
    ):
        done = outcomes(_wanted(names, part, results, summary, bar))
        while batch := list(itertools.islice(done, batch_size)):
            results.append(batch)
            summary.written += sum(not one.fault for one in batch)
            bar.done(len(batch))
        results.append([Outcome(name, fault=fault) for name, fault in names.faults])
        summary.bad, summary.passed_over = results.bad, dict(names.passed_over)
        summary.bad_file = results.bad_path if results.bad else None
        results.finish({"images": len(results.done) + summary.written, "bad": summary.bad})
    return summary


def _wanted(
    names: ImageNames, part: Shard, results: ResultsFile, summary: PredictSummary, bar: Progress
) -> Iterator[str]:
    """Yield the names of this shard that have no line yet, each once."""
    seen, rest = NameSet(), iter(names)
    while batch := list(itertools.islice(rest, _AT_ONCE)):
        keys = [key_of(name) for name in batch]
        own = [(n, k) for n, k in zip(batch, keys, strict=True) if part.holds(k)]
        keys = [key for _, key in own]
        new, done = seen.add(keys), results.done.has(keys)
        summary.twice += int((~new).sum())
        summary.before += int((new & done).sum())
        bar.passed(int((~new | done).sum()))
        yield from (name for (name, _), want in zip(own, new & ~done, strict=True) if want)
