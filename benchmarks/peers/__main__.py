"""Peers on the same data, budget and evaluator: python -m benchmarks.peers --data DIR --cpu-minutes N --out DIR."""

import argparse
import datetime
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.peer import PEERS
from benchmarks.peers.program_run import ProgramRun
from benchmarks.peers.table import peers_table
from benchmarks.peers.task import Task
from kpplugins.commands._command import run
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text

NOTES = """\
Trained and tested one after the other on one core each, from scratch. Boxes "given": the method gets the true box of
every test instance; "found": it gets the image alone, and AP is over whole images. PCK counts the keypoints of missed
instances as wrong; RMSE and EPE leave them out. CPU-minutes are those of the training, as the process counts them, and
training images/s and test images/s are per second of CPU time (reading, network and decoding).
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the peers that are not finished; write and print the table.

    Args:
        argv: the arguments. Default: those of the process.

    Returns:
        The exit status: 1 if no peer has a result.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers",
        description="Train and test other programs on the same data with the same budget and evaluator.",
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="in any format, with a train and a test split"
    )
    parser.add_argument("--cpu-minutes", type=float, required=True, metavar="N", help="of training for each")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for peers.md and .json")
    parser.add_argument(
        "--peers", nargs="+", metavar="NAME", help=f"which (default: all of {', '.join(PEERS)})"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of weights, order and augmentation (%(default)s)"
    )
    parser.add_argument("--again", action="store_true", help="run finished peers again")
    parser.add_argument(
        "--environments", type=Path, metavar="DIR",
        help="where their virtual environments are made (default: environments in --out)",
    )  # fmt: skip
    parser.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        help="also put the table into this Markdown page, in place of an earlier one",
    )
    args = parser.parse_args(argv)

    def work() -> int:
        names = args.peers or list(PEERS)
        for name in names:
            if name not in PEERS:
                raise BadInputError("no such peer", where="--peers", expected=", ".join(PEERS), found=name)
        args.out.mkdir(parents=True, exist_ok=True)
        task = Task(args.data, args.out / "data", args.cpu_minutes, args.seed)
        environments = args.environments or args.out / "environments"
        runs = {name: ProgramRun(peer, task, args.out, environments) for name, peer in PEERS.items()}
        rows = {name: row for name, run in runs.items() if (row := run.finished()) is not None}
        for name in names:
            rows[name] = runs[name].row(args.again)
            _write(args.out, task, [rows[name] for name in PEERS if name in rows])
        table = (args.out / "peers.md").read_text(encoding="utf-8")
        print(table, end="")
        if args.page is not None:
            put_into(args.page, args.data.name, table.removesuffix("\n" + NOTES))
        return 1 if all("error" in row for row in rows.values()) else 0

    return run(work)


def put_into(page: Path, name: str, text: str) -> None:
    """Write a text into a page, between two comments that name it; at the end if the page does not have them.

    Args:
        page: a Markdown file.
        name: of the data.
        text: replaces what stands between the comments.
    """
    begin, end = f"<!-- peers on {name} -->\n", f"<!-- end of peers on {name} -->\n"
    content = page.read_text(encoding="utf-8")
    if begin not in content or end not in content:
        content = f"{content.rstrip()}\n\n{begin}{end}"
    head, rest = content.split(begin, 1)
    replace_text(page, head + begin + text + end + rest.split(end, 1)[1])


def _write(out: Path, task: Task, rows: list[dict]) -> None:
    """Write ``peers.json`` and ``peers.md``."""
    facts = {
        "date": datetime.date.today().isoformat(),
        "data": task.data.name,
        "images": {split: len(task.content(split)["images"]) for split in ("train", "val", "test")},
        "test instances": len(task.truths()),
        "CPU-minutes each": task.minutes,
        "seed": task.seed,
        "machine": f"{platform.processor() or platform.machine()}, Python {platform.python_version()}",
    }
    replace_text(out / "peers.json", json.dumps({**facts, "peers": rows}, indent=1) + "\n")
    images = ", ".join(f"{count} {split}" for split, count in facts["images"].items())
    head = (
        f"**{facts['data']}**, {facts['date']} ({images} images, {facts['test instances']} test instances), "
        f"{task.minutes:g} CPU-minutes each, seed {task.seed}. {facts['machine']}.\n\n"
    )
    replace_text(out / "peers.md", head + peers_table(rows) + "\n" + NOTES)


if __name__ == "__main__":
    sys.exit(main())
