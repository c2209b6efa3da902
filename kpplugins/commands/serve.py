"""Serve a model to an annotation tool."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from kpplugins.commands._command import CommandParser, run

HELP = "Set KPPLUGINS_TOKEN to keep the token over restarts. docs/annotation_tools.md says how to connect Label Studio."


def _parser(prog: str | None) -> argparse.ArgumentParser:
    parser = CommandParser(
        prog=prog, epilog=HELP,
        description="Serve a model to an annotation tool, which shows what it finds for correction. It trains nothing.",
    )  # fmt: skip
    parser.add_argument(
        "--label-studio", action="store_true", required=True, help="as an ML backend of Label Studio"
    )
    parser.add_argument(
        "source", nargs="?", metavar="RUN",
        help="a config, a checkpoint, the work dir of a run, or an exported folder; default: the newest run",
    )  # fmt: skip
    parser.add_argument("--checkpoint", help="default: the best one of the config's work dir")
    parser.add_argument("--detector", metavar="CONFIG", help="predict in the boxes that this detector finds")
    parser.add_argument(
        "--detector-checkpoint", metavar="FILE", help="default: the best one of the detector's work dir"
    )
    parser.add_argument(
        "--box-thr", type=float, default=0.3, metavar="SCORE",
        help="boxes of a detector or a one-stage model with a lower score are left out (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--score-thr", type=float, metavar="SCORE",
        help="keypoints with a lower score are left out; default: those that the run's own thresholds hold absent; "
        "without such thresholds 0.3",
    )  # fmt: skip
    parser.add_argument("--device", help="cpu, cuda:0, …; default: a GPU if there is one")
    parser.add_argument(
        "--images", type=Path, metavar="DIR",
        help="images that tasks name as local files: Label Studio's LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT",
    )  # fmt: skip
    parser.add_argument(
        "--url", metavar="URL",
        help="Label Studio's own address: uploaded images are fetched from it, with the key in LABEL_STUDIO_API_KEY",
    )  # fmt: skip
    parser.add_argument(
        "--allow-url", action="append", default=[], metavar="URL",
        help="fetch images whose addresses are below this one; may be repeated; default: from nowhere else",
    )  # fmt: skip
    parser.add_argument(
        "--keep", type=Path, metavar="DIR",
        help="keep what is predicted as DIR/prelabels.json; with the tool's export there, convert says how good it was",
    )  # fmt: skip
    parser.add_argument(
        "--host", default="127.0.0.1", help="where to listen (default: %(default)s, for this machine alone)"
    )
    parser.add_argument(
        "--port", type=int, default=9090, metavar="N", help="where to listen (default: %(default)s)"
    )
    parser.add_argument(
        "--trust-checkpoint", action="store_true", help="let the checkpoint run code while it loads"
    )
    return parser


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Serve a model; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    args = _parser(prog).parse_args(argv)

    def work() -> int:
        from kpplugins.apis.annotation.serve import serve_label_studio
        from kpplugins.inference.bulk.model_choice import ModelChoice

        model = ModelChoice(
            args.source, args.checkpoint, args.device, args.detector, args.detector_checkpoint,
            box_thr=args.box_thr, trust_checkpoint=args.trust_checkpoint,
        )  # fmt: skip
        serve_label_studio(
            model, score_thr=args.score_thr, keep=args.keep, images=args.images, tool=args.url,
            key=os.environ.get("LABEL_STUDIO_API_KEY", ""), allowed=args.allow_url, host=args.host, port=args.port,
            token=os.environ.get("KPPLUGINS_TOKEN"), tell=lambda line: print(line, flush=True),
        )  # fmt: skip
        return 0

    return run(work, args)
