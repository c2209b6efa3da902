"""Two tiny recipes and one that fails, side by side, on drawn cats."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.apis.compare import compare
from kpplugins.apis.comparison.budget import Budget, epochs_that_fit
from kpplugins.structures import BadInputError

TINY = """
input_size = (64, 64)
model = dict(backbone=dict(channels={channels}), head=dict(in_channels={channels}, depth=2))
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = dict(num_workers=0, persistent_workers=False)
train_cfg = dict(val_interval=1)
default_hooks = dict(logger=dict(interval=1))
"""
NAMED = """
model = dict(backbone=dict(init_cfg=dict(type="Pretrained", checkpoint="https://gone.invalid/weights.pth")))
"""
HOOKS = """
custom_hooks = [
    dict(type="EMAHook", momentum=0.1),
    dict(type="EarlyStoppingHook", monitor="AP", rule="greater", min_delta=0.001, patience=5),
]
"""


@pytest.fixture(scope="module")
def recipes(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """``small``, ``wide``, and ``wrong``, which states another number of keypoints than the data have."""
    folder = tmp_path_factory.mktemp("recipes")
    base = f"_base_ = '{root / 'configs/cat_hourglass_sample.py'}'\n"
    texts = {
        "small": base + TINY.format(channels=16),
        "wide": base + TINY.format(channels=32) + HOOKS,
        "named": base + TINY.format(channels=16) + NAMED,
        "wrong": base + "model = dict(head=dict(out_channels=17))\n",
    }
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    return {name: folder / f"{name}.py" for name in texts}


@pytest.fixture(scope="module")
def compared(tool, recipes: dict[str, Path], drawn_cats: Path):
    """What the command line leaves, called twice: the folder and what each call printed."""
    out = tool.folder / "out"
    configs = [recipes[name] for name in ("small", "wide", "wrong")]
    said, written = [], []
    for _ in range(2):
        done = tool("compare.py", *configs, "--data", drawn_cats, "--epochs", "1", "--out", out)
        said.append(done.stdout + done.stderr)
        written.append(sorted((str(p), p.stat().st_mtime_ns) for p in out.rglob("*.pth")))
    return out, said, written


def test_the_table_has_a_row_for_each_recipe(compared):
    out, said, _ = compared
    table = (out / "compare.md").read_text().split("\n\n")[0].splitlines()
    header = [c.strip() for c in table[0].strip("|").split("|")]
    rows = {line.split("|")[1].strip(): [c.strip() for c in line.strip("|").split("|")] for line in table[2:]}
    assert list(rows) == ["small", "wide", "wrong"]
    for name in ("small", "wide"):
        values = dict(zip(header, rows[name], strict=True))
        for heading in header[1:-1]:
            assert float(values[heading]) >= 0, heading
        assert values["epochs"] == "1" and values["note"] == ""
    assert (
        "failed: " in rows["wrong"][-1] and "17" in rows["wrong"][-1] and "9 (CatDataset" in rows["wrong"][-1]
    )
    assert table[0] in said[0]


def test_the_json_has_all_that_is_in_the_table_and_the_curves(compared):
    out, _, _ = compared
    content = json.loads((out / "compare.json").read_text())
    assert (
        content["budget"] == {"epochs": 1, "minutes": None, "clock": "wall"}
        and content["same_test"]
        and content["seed"] == 0
    )
    small, wide, wrong = content["recipes"]
    assert "different numbers of keypoints" in wrong["error"]
    assert "Traceback" in (out / "wrong/error.txt").read_text()
    assert wide["parameters"] > 2 * small["parameters"] and wide["multiply_adds"] > 2 * small["multiply_adds"]
    assert small["milliseconds"] > 0 and small["images_per_second"] > 0
    assert small["test"] == wide["test"] and small["test"]["instances"] == 4
    for row in (small, wide):
        curve = dict(zip(row["pck"]["thresholds"], row["pck"]["values"], strict=True))
        at = {round(t, 4): v for t, v in curve.items()}
        assert at[0.05] == pytest.approx(row["numbers"]["PCK@0.05"])
        assert at[0.1] == pytest.approx(row["numbers"]["PCK@0.1"])
        assert len(row["training"]["loss"]) == len(row["training"]["minutes"]) == 3  # 12 cats, 4 a batch
        assert len(row["validation"]["PCK@0.05"]) == len(row["validation"]["minutes"]) == 1
        assert (out / row["name"] / "metrics.json").is_file() and (out / row["name"] / "curves.png").is_file()


def test_differences_have_intervals_and_four_images_are_told_to_be_few(compared):
    out, said, _ = compared
    content = json.loads((out / "compare.json").read_text())
    (pair,) = content["differences"]
    assert (pair["first"], pair["second"]) == ("small", "wide")
    small, wide, _ = content["recipes"]
    for key in ("EPE", "RMSE", "PCK@0.05"):
        assert small["intervals"][key] is None or len(small["intervals"][key]) == 2
    number = pair["numbers"]["EPE"]
    assert number["difference"] == pytest.approx(small["numbers"]["EPE"] - wide["numbers"]["EPE"])
    low, high = number["interval"]
    assert low <= number["difference"] <= high and number["shown"] == (not low <= 0 <= high)
    assert "only 4 images" in content["warnings"][0] and content["over_seeds"] == {}
    page = (out / "compare.md").read_text()
    assert "| small - wide |" in page and "| small - wide |" in said[0] and "**Beware: only 4 images" in page


def test_several_seeds_tell_the_noise_of_training(
    compared, recipes: dict[str, Path], drawn_cats: Path, tmp_path: Path
):
    """Trained for nothing more than two runs of the first recipe; the second call takes them as they are."""
    settings = dict(data=drawn_cats, out=tmp_path, epochs=1, seeds=2, group_by=r"(\d)_000")
    rows, table = compare([recipes["small"]], **settings)
    assert [(row["name"], row["recipe"], row["seed"]) for row in rows] == [
        ("small_seed0", "small", 0), ("small_seed1", "small", 1),
    ]  # fmt: skip
    content = json.loads((tmp_path / "compare.json").read_text())
    number = content["over_seeds"]["small"]["EPE"]
    assert number["mean"] == pytest.approx(np.mean([row["numbers"]["EPE"] for row in rows]))
    assert number["test_sd"] > 0 and number["training_sd"] >= 0
    assert number["interval"][0] < number["mean"] < number["interval"][1]
    assert content["differences"] == [] and content["seeds"] == 2
    assert "mean of the seeds" in table and "seeds 0 to 1" in (tmp_path / "compare.md").read_text()
    kept = tmp_path / "small_seed0/per_image.npz"
    kept.unlink()  # as an earlier version left it
    weights = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pth")}
    again, _ = compare([recipes["small"]], **settings)
    assert kept.is_file() and weights == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.pth")}
    assert [row["intervals"] for row in again] == [row["intervals"] for row in rows]


def test_the_plot_is_a_image(compared):
    image = cv2.imread(str(compared[0] / "compare.png"))
    assert image.shape[1] > 1000 and len(np.unique(image.reshape(-1, 3), axis=0)) > 20


def test_the_second_call_trains_nothing(compared):
    _, said, written = compared
    assert "Epoch(train)" in said[0] and "Epoch(train)" not in said[1]
    assert written[0] == written[1] and len(written[0]) >= 4
    assert "small is finished already" in said[1]


@pytest.mark.parametrize("clock", ["wall", "cpu"])
def test_another_budget_or_setting_trains_again_by_minutes(
    compared, recipes: dict[str, Path], drawn_cats: Path, tmp_path: Path, clock: str
):
    """0.05 minutes; the probe has said how many epochs that is, and schedules were stretched to them."""
    rows, table = compare(
        [recipes["small"]], data=drawn_cats, out=tmp_path, minutes=0.05, clock=clock, names=["mine"], seed=3
    )
    (row,) = rows
    assert "error" not in row and "mine" in table
    assert row["max_epochs"] > 1
    assert clock == "cpu" or row["training"]["minutes"][-1] < 0.08
    kept = (tmp_path / "mine/small.py").read_text()
    assert f"total_steps={row['max_epochs']}" in kept and "TimeBudgetHook" in kept and "seed=3" in kept
    assert row["stopped"] or round(row["epochs"]) == row["max_epochs"]
    budget = json.loads((tmp_path / "compare.json").read_text())["budget"]
    assert budget == {"epochs": None, "minutes": 0.05, "clock": clock}


def test_pretrained_weights_that_are_out_of_reach_are_left_out_when_asked(
    recipes: dict[str, Path], drawn_cats: Path, tmp_path: Path
):
    settings = dict(data=drawn_cats, out=tmp_path, epochs=1)
    (row,), _ = compare([recipes["named"]], **settings)
    assert "gone.invalid" in row["error"] and "--from-scratch" in row["error"]
    (row,), _ = compare([recipes["named"]], **settings, from_scratch=True)
    assert "error" not in row and row["epochs"] == 1


def test_epochs_that_fit_by_hand():
    """10 s an epoch, 4 s a validation after every second: 5 epochs and 2 validations are 58 s, 6 and 2 are 68."""
    assert epochs_that_fit(60, 10, 4, 2) == 5
    assert epochs_that_fit(68, 10, 4, 2) == 6
    assert epochs_that_fit(60, 10, 0, 1) == 6
    assert epochs_that_fit(60, 10, 1000, 10) == 6  # the validation after the last epoch does not count
    assert epochs_that_fit(1, 10, 4, 2) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (dict(), "one budget is needed"),
        (dict(epochs=1, minutes=2), "one budget is needed"),
        (dict(epochs=0), "epochs: wrong budget; expected ≥ 1"),
        (dict(minutes=-1), "minutes: wrong budget; expected > 0"),
        (dict(epochs=1, names=["a"]), "names: each recipe needs one name; expected 2; found 1"),
        (dict(epochs=1, names=["a", "a"]), "two recipes named 'a'"),
        (dict(epochs=1, names=["a", "../b"]), "a name must be a valid folder name"),
        (dict(epochs=1, data="gone"), "gone: no such data folder"),
        (dict(epochs=1, configs=["gone.py", "b.py"]), "gone.py: no such config"),
        (dict(epochs=1, configs=[]), "no recipe to compare"),
        (dict(epochs=1, seeds=0), "--seeds: wrong number of seeds; expected ≥ 1; found 0"),
        (dict(epochs=1, group_by="("), "--group-by: not a regular expression"),
    ],
)
def test_bad_input_is_one_line(
    settings: dict, words: str, recipes: dict[str, Path], drawn_cats: Path, tmp_path: Path
):
    given = {"configs": [recipes["small"], recipes["wide"]], "data": drawn_cats, "out": tmp_path, **settings}
    with pytest.raises(BadInputError, match=words) as caught:
        compare(given.pop("configs"), **given)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_budget_in_words():
    assert (
        str(Budget(epochs=1)) == "1 epoch each" and str(Budget(minutes=2.5)) == "2.5 minutes of training each"
    )
    assert str(Budget(minutes=20, clock="cpu")) == "20 CPU-minutes of training each"
