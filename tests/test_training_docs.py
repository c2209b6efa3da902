"""The examples of docs/training.md are trained: none is worse than the config without it."""

import ast
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.apis.train import train

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/training.md").read_text()
TINY = """
_base_ = "{root}/configs/custom_hourglass_small.py"
data_root = "{data}"
input_size = (64, 64)
max_epochs = 60  # of one iteration
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=1))
loaded = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(**loaded, batch_size=16)
val_dataloader = test_dataloader = loaded
train_cfg = dict(val_interval=30)
default_hooks = dict(checkpoint=dict(interval=60), logger=dict(interval=60))
randomness = dict(seed=1)
amp = False  # what the processor can must not decide what 60 steps learn
env_cfg = dict(mp_cfg=dict(mp_start_method="fork"))
"""


def blocks() -> list[str]:
    """The Python examples; of a block that sets a name twice, each of its lines."""
    found = []
    for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S):
        statements = [ast.unparse(node) for node in ast.parse(block).body]
        names = [statement.split(" ")[0] for statement in statements]
        found += [block] if len(set(names)) == len(names) else statements
    return found


EXAMPLES = [*blocks(), *re.findall(r"^\| `(lr = [^`]+)`", PAGE, re.M)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config that learns the ends of a bright bar on grey in 60 steps, and its sixteen images."""
    folder = tmp_path_factory.mktemp("bars")
    (folder / "data/images").mkdir(parents=True)
    (folder / "data/annotations").mkdir()
    generator = np.random.default_rng(0)
    category = {"id": 1, "name": "bar", "keypoints": ["head", "tail"], "flip_pairs": [], "flips": "known"}
    for split, number in (("train", 16), ("val", 8), ("test", 1)):
        images, annotations = [], []
        for i in range(number):
            x, y = generator.integers(4, 18, 2)
            image = np.full((64, 64, 3), 100, np.uint8)
            image[y + 8 : y + 32, x : x + 40] = 180
            image[y + 8 : y + 32, x : x + 10] = 250
            name = f"images/{split}{i}.png"
            cv2.imwrite(str(folder / "data" / name), image)
            images.append({"id": i, "file_name": name, "width": 64, "height": 64})
            points = [int(x) + 4, int(y) + 20, 2, int(x) + 38, int(y) + 20, 2]
            annotations.append({
                "id": i, "image_id": i, "category_id": 1, "bbox": [int(x), int(y), 42, 40], "area": 1680, "iscrowd": 0,
                "num_keypoints": 2, "keypoints": points,
            })  # fmt: skip
        content = {"images": images, "annotations": annotations, "categories": [category]}
        (folder / f"data/annotations/{split}.json").write_text(json.dumps(content))
    (folder / "tiny.py").write_text(TINY.format(root=ROOT, data=folder / "data"))
    return folder


def error(folder: Path, name: str, lines: str) -> float:
    """Train; the mean error of the last validation, in pixels."""
    config = folder / f"{name}.py"
    config.write_text(f"_base_ = 'tiny.py'\n{lines}\n")
    out = train(config, work_dir=folder / name)
    (scalars,) = out.glob("*/vis_data/scalars.json")
    rows = [json.loads(line) for line in scalars.read_text().splitlines()]
    return [row["EPE"] for row in rows if "EPE" in row][-1]


@pytest.fixture(scope="module")
def without(tiny: Path) -> float:
    """The error without any example."""
    return error(tiny, "without", "")


@pytest.mark.parametrize("number", range(len(EXAMPLES)), ids=lambda n: " ".join(EXAMPLES[n].split())[:40])
def test_an_example_is_not_worse_than_none(tiny: Path, without: float, number: int):
    found = error(tiny, f"example_{number}", EXAMPLES[number])
    assert found < max(1.25 * without + 0.5, 3)  # of images of 64 pixels; what did harm had 37 to 143


def test_there_are_examples():
    assert len(EXAMPLES) >= 6
