"""Exports every recipe to every format that runs here, and shows how far the exported models are from the trained ones.

``python -m benchmarks.parity --out DIR`` writes ``parity.json`` and ``parity.md``, a row a recipe; what is there
already is not measured again. The weights are random: a real run's proof is made when it is exported.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FORMATS = ("onnx", "openvino", "torchscript")


def main(argv: list[str] | None = None) -> int:
    """Measure what is missing, each recipe in a process of its own; write and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("configs", nargs="*", type=Path, help="default: all of configs/")
    parser.add_argument("--out", type=Path, default=ROOT / "work_dirs/parity", help="folder (%(default)s)")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.one is not None:
        print(json.dumps(measured(args.one)))
        return 0
    args.out.mkdir(parents=True, exist_ok=True)
    kept = args.out / "parity.json"
    found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    for config in args.configs or sorted((ROOT / "configs").glob("*.py")):
        if config.stem in found:
            continue
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.parity", "--one", str(config)],
            cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        if done.returncode:
            print(f"{config.stem}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            continue
        found[config.stem] = json.loads(done.stdout.splitlines()[-1])
        kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        (args.out / "parity.md").write_text(table(found), encoding="utf-8")
    print(table(found))
    return 0


def measured(config: Path) -> dict[str, dict[str, Any]]:
    """Export a recipe with random weights to every format, and compare on drawn images.

    Args:
        config: of a recipe.

    Returns:
        By format ``compared``, ``unsteady``, ``max_px`` and ``p99_9_px`` of ``parity.json``; or ``refused``, the
        message.
    """
    from benchmarks.predictor import random_run
    from kpplugins.apis.export import export
    from kpplugins.structures import BadInputError

    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = random_run(config, Path(folder) / "run")
        for name in FORMATS:
            try:
                _, report = export(None, checkpoint, Path(folder) / name, to=name)
            except BadInputError as error:
                found[name] = {"refused": f"{error.what}: {error.found}"}
                continue
            points = report["keypoints"]
            found[name] = {key: points[key] for key in ("compared", "unsteady", "max_px", "p99_9_px")}
    return found


def table(found: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Return the Markdown table.

    Args:
        found: from ``measured``, by recipe.

    Returns:
        A row a recipe, a column a format: the largest distance in pixels, and how many were compared in all.
    """
    lines = [
        f"| recipe | compared | {' | '.join(FORMATS)} |",
        f"| --- | ---: |{' ---: |' * len(FORMATS)}",
    ]
    for name, row in found.items():
        counts = [cell["compared"] for cell in row.values() if "compared" in cell]
        cells = [f"{cell['max_px']:.2g}" if "max_px" in cell else "refused" for cell in row.values()]
        lines.append(f"| {name} | {max(counts, default=0)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
