"""Show the keypoints in images, videos, cameras and streams.

Keypoints are searched in the boxes of a detector (--detector CONFIG), in given ones (--bbox), or in the
whole image. A one-stage model, which finds boxes and keypoints at once, takes none of these.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kpplugins.commands._command import CommandParser, run

HELP = "A one-stage model, which finds boxes and keypoints at once, takes neither --detector nor --bbox."
_MOST_LISTED = 40
"""Written files that are printed one by one."""


def parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Build the parser of the command.

    Args:
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The parser.
    """
    parser = CommandParser(prog=prog, description="Show what a trained model finds.", epilog=HELP)
    parser.add_argument(
        "inputs", nargs="*", metavar="INPUT", help="images, videos, folders, patterns such as 'cats/*.jpg'"
    )
    parser.add_argument(
        "--webcam", nargs="?", const="0", metavar="ID|URL|FILE",
        help="live from a camera (default: 0), a stream (rtsp://…, http://…), or a video that plays like a camera",
    )  # fmt: skip
    parser.add_argument(
        "--data", metavar="DIR", help="the test images of the config's dataset, at this folder"
    )
    parser.add_argument(
        "--out", default="work_dirs/demo", help="folder for what is drawn and found (%(default)s)"
    )
    parser.add_argument(
        "--format", nargs="+", default=["json"], metavar="FORMAT",
        help="json, coco, csv, sleap (.slp), dlc (DeepLabCut's .h5 and CSV), anipose (pose-2d/*.h5); default: json",
    )  # fmt: skip
    _add_model(parser)
    _add_page(parser)
    parser.add_argument(
        "--track", action="store_true", help="in videos, number the same instance alike in all frames"
    )
    parser.add_argument("--tracker", choices=["bytetrack", "ocsort"], help="how (default: bytetrack)")
    parser.add_argument(
        "--smooth", action="store_true", help="in videos, smooth the keypoints over time (one-euro filter)"
    )
    parser.add_argument(
        "--radii",
        action="store_true",
        help="draw the circles in which the true keypoints are with a probability of 0.9",
    )
    parser.add_argument(
        "--max-frames", type=int, metavar="N", help="of a video or the webcam, only the first N frames"
    )
    parser.add_argument(
        "--skip-bad", action="store_true", help="what is bad is told and left out, and the status is 0"
    )
    return parser


def _add_page(parser: argparse.ArgumentParser) -> None:
    """Add the options of the page in a browser."""
    parser.add_argument(
        "--web", action="store_true", help="show a page for the browser instead: images, videos, its camera"
    )
    parser.add_argument("--host", help="where --web listens (default: 127.0.0.1, for this machine alone)")
    parser.add_argument(
        "--port", type=int, metavar="N", help="where --web listens (default: the first free one from 7860 on)"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what finds the keypoints, and where."""
    parser.add_argument(
        "--config", action="append", metavar="CONFIG",
        help="or an exported folder; default: the one in the checkpoint; several, or several --checkpoint, go with n "
        "and p in the window or are chosen on the page",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint", action="append", metavar="FILE",
        help="default: the best one of the config's work dir, or of the newest run",
    )  # fmt: skip
    parser.add_argument("--detector", metavar="CONFIG", help="search in the boxes that this detector finds")
    parser.add_argument(
        "--detector-checkpoint", metavar="FILE", help="default: the best one of the detector's work dir"
    )
    parser.add_argument(
        "--detector-classes", nargs="+", metavar="NAME", help="only the detector's boxes of these classes"
    )
    parser.add_argument(
        "--bbox", type=float, nargs=4, action="append", metavar=("X1", "Y1", "X2", "Y2"),
        help="search here, in pixels; may be repeated; default: the whole image",
    )  # fmt: skip
    parser.add_argument(
        "--score-thr",
        type=float,
        metavar="SCORE",
        help="keypoints with a lower score are drawn as rings; default: those that the run's own thresholds hold "
        "occluded, while absent ones are not drawn; without such thresholds 0.3",
    )
    parser.add_argument(
        "--box-thr", type=float, default=0.3, metavar="SCORE",
        help="boxes of a detector or a one-stage model with a lower score are left out (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--device", help="cpu, cuda:0, …; default: a GPU if there is one")
    parser.add_argument(
        "--trust-checkpoint", action="store_true", help="let the checkpoint run code while it loads"
    )


def main(argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Show what a trained model finds; see ``kpplugins.commands``.

    Args:
        argv: the arguments after the command's name. Default: those of the process.
        prog: the command's name in ``--help``. Default: the name of the script.

    Returns:
        The exit status of the command.
    """
    command = parser(prog)
    args = command.parse_args(argv)
    if not args.inputs and args.data is None and args.webcam is None and not args.web:
        command.error("give images, videos or folders, or --data DIR, or --webcam, or --web")
    _check_page(args, command)
    detecting = args.detector is not None or args.detector_checkpoint is not None
    if detecting and args.bbox:
        command.error("give either --bbox or --detector")
    if args.detector_classes and not detecting:
        command.error("--detector-classes needs --detector")
    if args.tracker and not args.track:
        command.error("--tracker needs --track")
    runs = _runs_of(args, command)
    if args.webcam is not None and (args.inputs or args.data):
        command.error("give either --webcam or INPUT")
    if len(runs) > 1 and args.webcam is None and not args.web:
        command.error("several --config or --checkpoint are for --webcam and --web")
    return run(lambda: _serve(args, runs) if args.web else _work(args, runs), args)


def _check_page(args: argparse.Namespace, command: argparse.ArgumentParser) -> None:
    """Stop at options that would have no effect."""
    if not args.web and (args.host is not None or args.port is not None):
        command.error("--host and --port need --web")
    others = {
        "INPUT": args.inputs, "--data": args.data, "--webcam": args.webcam, "--bbox": args.bbox, "--track": args.track,
        "--smooth": args.smooth, "--radii": args.radii, "--max-frames": args.max_frames,
    }  # fmt: skip
    for name, given in others.items():
        if args.web and given:
            command.error(f"--web takes no {name}")


def _serve(args: argparse.Namespace, runs: Sequence[tuple[str | None, str | None]]) -> int:
    """Show the page until it is stopped."""
    from kpplugins.apis.web.server import HOST, require_gradio, serve

    require_gradio()
    models: dict[str, Any] = {}
    for one in runs:
        name, predictor = _model_of(args, *one)
        names = [name, *(f"{name} {number}" for number in range(2, len(runs) + 1))]
        models[next(free for free in names if free not in models)] = predictor
    serve(
        list(models.items()),
        args.host or HOST,
        args.port,
        args.score_thr,
        lambda line: print(line, flush=True),
    )
    return 0


def _runs_of(
    args: argparse.Namespace, command: argparse.ArgumentParser
) -> list[tuple[str | None, str | None]]:
    """Pair the configs with the checkpoints."""
    configs, checkpoints = args.config or [], args.checkpoint or []
    if configs and checkpoints and len(configs) != len(checkpoints):
        command.error("give as many --checkpoint as --config, or only one of the two")
    n = max(len(configs), len(checkpoints), 1)
    return list(zip(configs or [None] * n, checkpoints or [None] * n, strict=True))


def _work(args: argparse.Namespace, runs: Sequence[tuple[str | None, str | None]]) -> int:
    from kpplugins.apis.demo import check_settings, demo_files, demo_webcam, test_images
    from kpplugins.inference.video.input_files import find_inputs, is_video
    from kpplugins.structures import BadInputError

    files, settings = find_inputs(args.inputs), _settings_of(args)
    if (args.track or args.smooth) and args.webcam is None and not any(map(is_video, files)):
        raise BadInputError(
            "has no effect on images, only on videos and cameras",
            where="--track" if args.track else "--smooth",
        )
    check_settings(settings)
    models = [_model_of(args, *one) for one in runs]
    for name, predictor in models if args.radii else ():
        _require_radii(name, predictor)
    if args.webcam is not None:
        report = demo_webcam(models, args.webcam, settings, print)
        print(f"{report.frames} image{'' if report.frames == 1 else 's'} shown")
    else:
        predictor = models[0][1]
        if args.data:
            files += test_images(runs[0][0] or predictor.config, args.data, f"{args.out}/images")
        report = demo_files(predictor, files, settings)
    few = len(report.written) <= _MOST_LISTED
    print("\n".join(map(str, report.written)) if few else f"{len(report.written)} files in {args.out}")
    print("\n".join([*report.notes, report.words]))
    for fault in report.faults if report.faults[1:] else ():
        print(f"bad: {fault}", file=sys.stderr)
    if not args.skip_bad:
        report.require_whole()
    return 0


def _settings_of(args: argparse.Namespace) -> Any:
    """Return what the options ask for."""
    import numpy as np

    from kpplugins.inference.live.run_settings import RunSettings

    return RunSettings(
        out=Path(args.out), boxes=np.array(args.bbox) if args.bbox else None, score_thr=args.score_thr,
        formats=tuple(dict.fromkeys(args.format)), max_frames=args.max_frames,
        track=(args.tracker or "bytetrack") if args.track else None, smooth=args.smooth, radii=args.radii,
    )  # fmt: skip


def _model_of(args: argparse.Namespace, config: str | None, checkpoint: str | None) -> tuple[str, Any]:
    """Load a model; return its name and the predictor."""
    from kpplugins.deploy.exported_folder import is_exported
    from kpplugins.inference.predictor import Predictor

    detecting = args.detector is not None or args.detector_checkpoint is not None
    given = {
        "device": args.device, "detector": _detector_of(args) if detecting else None, "box_thr": args.box_thr,
        "trust_checkpoint": args.trust_checkpoint,
    }  # fmt: skip
    for folder, other in ((config, checkpoint), (checkpoint, config)):
        if is_exported(folder):
            print(f"exported model {folder}")
            return Path(str(folder)).resolve().name, Predictor(folder, other, **given)
    from kpplugins.weights.checkpoints import run_of

    found, weights = run_of(config, checkpoint)
    print(f"config {found or 'in the checkpoint'}, checkpoint {weights}")
    name = Path(found).stem if found is not None else f"{Path(weights).parent.name}/{Path(weights).stem}"
    return name, Predictor(found, weights, **given)


def _require_radii(name: str, predictor: Any) -> None:
    """Stop where circles are to be drawn that the model does not know."""
    from kpplugins.structures import BadInputError

    if predictor.model.uncertainty is None:
        raise BadInputError(
            "this run does not know how far off its keypoints may be", where="--radii", found=name,
            todo="kpplugins test --calibrate learns it from the val split; or leave --radii out",
        )  # fmt: skip


def _detector_of(args: argparse.Namespace) -> Any:
    """Load the detector that the options name."""
    from kpplugins.deploy.exported_folder import is_exported
    from kpplugins.inference.box_detector import BoxDetector

    config, checkpoint = args.detector, args.detector_checkpoint
    if is_exported(config):
        print(f"detector: exported model {config}")
    else:
        from kpplugins.weights.checkpoints import run_of

        config, checkpoint = run_of(config, checkpoint)
        print(f"detector {config or 'in the checkpoint'}, checkpoint {checkpoint}")
    return BoxDetector(
        config, checkpoint, args.device, args.box_thr, args.detector_classes, args.trust_checkpoint
    )
