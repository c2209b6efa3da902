"""Benchmarks of speed and size: python -m benchmarks --out docs/bench.json"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kpplugins.commands._command import run
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Measure speed and size; print the figures and save them as JSON."
    )
    parser.add_argument(
        "--out", type=Path, default=ROOT / "docs/bench.json", help="file to save the figures to (%(default)s)"
    )
    parser.add_argument(
        "--images", type=int, default=200_000, help="of the shared index, five instances each (%(default)s)"
    )
    parser.add_argument(
        "--only",
        metavar="PART",
        nargs="+",
        help="measure these parts, and keep the others of --out: beginnings of their names",
    )
    args = parser.parse_args()

    def work() -> int:
        import platform

        import torch

        from benchmarks import data, exports, one_stage, predictor, real_time, speed, storage
        from kpplugins.apis.benchmarking.eval_speed import eval_speed

        parts: dict[str, Callable[[], Any]] = {
            "machine": lambda: (
                f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, "
                f"Python {platform.python_version()}, torch {torch.__version__}"
            ),
            "start-up, seconds": lambda: speed.start_up(ROOT),
            "drawn cats": speed.drawing,
            "a large set": data.large_set,
            "a shared index": lambda: data.shared_index(args.images),
            "storage": storage.storages,
            "COCO evaluation": lambda: eval_speed().facts,
            "CenterNet's targets": one_stage.centernet_codec,
            "Keypoint R-CNN": lambda: one_stage.keypoint_rcnn(ROOT / "configs/coco_keypoint_rcnn.py"),
            "prediction": lambda: _prediction(predictor),
            "exported, one image": lambda: exports.exported(ROOT / "configs/custom_hourglass_small.py"),
            "in real time": lambda: real_time.used(ROOT),
            "training, images a second": lambda: speed.training_throughput(
                ROOT / "configs/cat_hourglass_sample.py"
            ),
            "model sizes": speed.model_sizes,
        }
        unknown = [part for part in args.only or () if not any(name.startswith(part) for name in parts)]
        if unknown:
            raise BadInputError("no such part", where="--only", expected=", ".join(parts), found=unknown[0])
        figures = json.loads(args.out.read_text(encoding="utf-8")) if args.only and args.out.is_file() else {}
        for name, measure in parts.items():
            if args.only is None or name.startswith(tuple(args.only)):
                print(json.dumps({name: _kept(args.out, figures, name, measure(), list(parts))}), flush=True)
        return 0

    return run(work)


def _kept(out: Path, figures: dict[str, Any], name: str, figure: Any, order: list[str]) -> Any:
    """Write a part's figure beside the others as soon as it is there, and return it."""
    figures[name] = figure
    out.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({part: figures[part] for part in order if part in figures}, indent=1)
    replace_text(out, text + "\n")
    return figure


def _prediction(predictor: Any) -> dict[str, Any]:
    """Return the figures of prediction."""
    from kpplugins.apis.export import export

    small, whole = ROOT / "configs/cat_hourglass_sample.py", ROOT / "configs/glue_tubes_centernet.py"
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = predictor.random_run(small, Path(folder) / "hourglass")
        exported, _ = export(None, checkpoint, Path(folder) / "onnx")
        return {
            "predictor ÷ bare network": predictor.against_bare({"hourglass 128": small, "CenterNet": whole}),
            "cold start, seconds": predictor.cold_start(ROOT, {"PyTorch": checkpoint, "exported": exported}),
            "memory": predictor.memory(checkpoint),
        }


if __name__ == "__main__":
    sys.exit(main())
