"""Train configs."""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from kpplugins.commands._command import (
    CommandParser,
    add_common,
    add_minutes,
    is_first,
    minutes_of,
    options,
    run,
)

START = (  # finds kpplugins where this process did, installed or not
    f"import sys; sys.path[:] = {sys.path!r}; from kpplugins.commands.train import main; sys.exit(main())"
)


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Train configs; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    parser = CommandParser(prog=prog, description="Train a keypoint detector.")
    parser.add_argument("config", nargs="*",
                        help="config files, e.g. configs/cat_hourglass.py, trained one after the other")  # fmt: skip
    parser.add_argument("--auto", action="store_true",
                        help="train the recipe that is recommended for --data, within --minutes")  # fmt: skip
    parser.add_argument("--boxes", action="store_true",
                        help="with --auto: boxes will be given when predicting")  # fmt: skip
    add_minutes(parser)
    parser.add_argument("--resume", nargs="?", const=True, default=False, metavar="CHECKPOINT",
                        help="resume from the run's last checkpoint, or from this one")  # fmt: skip
    parser.add_argument("--from-scratch", action="store_true",
                        help="leave out the pretrained weights that the config names")  # fmt: skip
    parser.add_argument("--amp", action="store_true", help="automatic mixed precision")
    add_common(parser)
    args = parser.parse_args(argv)
    if args.auto:
        return automatic(parser, args)
    if not args.config:
        parser.error("name a config, or let one be chosen: --auto --data DIR")
    if args.boxes or args.minutes is not None or args.cpu_minutes is not None:
        parser.error("--boxes, --minutes and --cpu-minutes go with --auto")
    if len(args.config) > 1:
        if args.work_dir or isinstance(args.resume, str) or args.launcher != "none":
            parser.error(
                "with several configs, --work-dir, --resume CHECKPOINT and --launcher cannot be used"
            )
        return each(args.config, list(sys.argv[1:] if argv is None else argv))
    (config,) = args.config

    def work() -> int:
        from kpplugins.apis.train import train

        scratch = args.from_scratch
        out = train(config, resume=args.resume, amp=args.amp, from_scratch=scratch, **options(args))
        kept = out / Path(config.rpartition("::")[2]).name
        if is_first():
            print(f"trained: {out}\nnext: kpplugins test {kept}")
        return 0

    return run(work, args)


def automatic(parser: CommandParser, args: argparse.Namespace) -> int:
    """Train the recipe that is recommended for the data.

    Args:
        parser: for what contradicts ``--auto``.
        args: what it read.

    Returns:
        The exit status.
    """
    other = {
        "a config": args.config, "--resume": args.resume, "--amp": args.amp, "--from-scratch": args.from_scratch,
        "--cfg-options": args.cfg_options, "--percentile": args.percentile, "--pixel-range": args.pixel_range,
        "--launcher": args.launcher != "none", "--trust-checkpoint": args.trust_checkpoint,
    }  # fmt: skip
    given = [name for name, value in other.items() if value]
    if given:
        parser.error(
            f"--auto chooses by itself, without {given[0]}; `kpplugins recommend DIR` writes a config"
        )
    if not args.data:
        parser.error("--auto needs the data: --data DIR")

    def work() -> int:
        from kpplugins.apis.train_recommended import train_recommended

        minutes, clock = minutes_of(args)
        _, config = train_recommended(
            args.data,
            minutes=minutes,
            clock=clock,
            boxes=args.boxes,
            work_dir=args.work_dir,
            skip_bad=args.skip_bad,
        )
        out = config.parents[1]
        print(f"trained: {out}\nrecommended: {config}\nnext: kpplugins test {out / config.name}")
        return 0

    return run(work, args)


def each(configs: list[str], words: list[str]) -> int:
    """Train every config in its own process; stop at the first that fails.

    Args:
        configs: the config files.
        words: all arguments of the command line; its options are passed to each.

    Returns:
        The exit status of the first that failed, else 0.
    """
    options = [word for word in words if word not in configs]
    for number, config in enumerate(configs, 1):
        print(f"{number} of {len(configs)}: {config}", flush=True)
        status = subprocess.run([sys.executable, "-c", START, config, *options]).returncode
        if status:
            return status
    return 0
