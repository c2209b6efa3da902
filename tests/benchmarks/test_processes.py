"""One and two processes over sizes that do not divide: the same losses, and the same test, bit for bit."""

import json
from pathlib import Path

from benchmarks.processes import compare, write_images

FAMILY = "top-down"  # the program compares all

WORK = """
import sys
from pathlib import Path
from benchmarks.processes import work
work(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
"""


def test_two_processes_learn_and_measure_what_one_does(root: Path, tool, torchrun, tmp_path: Path):
    write_images(tmp_path / "data", {"train": 7, "val": 5, "test": 5})
    for environments in ([{}], torchrun(2)):
        done = tool.forks.run(
            ["-c", WORK, str(tmp_path / "data"), str(tmp_path), FAMILY], root, environments, 200
        )
        assert done.returncode == 0, done.stderr[-2000:]
    found = compare(tmp_path, (2,))
    (row,) = found.values()
    assert row["numbers"] and row["instances"] and row["of them"] == 10
    assert row["losses"] < 1e-12
    images = {row["image"] for row in json.loads((tmp_path / "top-down 2.json").read_text())["instances"]}
    assert len(images) == 5
