"""A learning curve on drawn cats: parts, steps, files, and what a second call does. Trainings are stood in for."""

import json
import re
from pathlib import Path

import cv2
import pytest

from kpplugins.apis import learning_curve as module
from kpplugins.apis.comparison.recipe import ROW, Recipe
from kpplugins.apis.learning_curve import error_name, learning_curve
from kpplugins.config.load import load_config
from kpplugins.structures import BadInputError

CONFIG = """
_base_ = '{root}/configs/cat_hourglass_sample.py'
input_size = (64, 64)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=2))
train_dataloader = dict(batch_size=4, num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = dict(num_workers=0, persistent_workers=False)
train_cfg = dict(val_interval=2)
"""


@pytest.fixture(scope="module")
def config(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("curve") / "cats.py"
    file.write_text(CONFIG.format(root=root))
    return file


@pytest.fixture
def stood_in(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """Each training gives 10 px with one sample, and what a power law of -0.5 makes of it; they are listed."""
    asked: list[Recipe] = []

    def row(recipe: Recipe, again: bool) -> dict:
        asked.append(recipe)
        samples = len(recipe.cfg_options["train_dataloader.dataset.indices"])
        if samples == 6 and recipe.seed == 1:
            return {"name": recipe.name, "error": "it | failed"}
        return {"name": recipe.name, "numbers": {"EPE": 10 * samples**-0.5, "AP": 1 - 0.5 * samples**-0.5}}

    monkeypatch.setattr(module, "result_row", row)
    return asked


def test_parts_get_as_many_steps_as_the_whole(
    config: Path, drawn_cats: Path, tmp_path: Path, stood_in: list[Recipe]
):
    """12 cats for training: of a quarter of them four times the epochs, and a validation four times as seldom."""
    content, text = learning_curve(
        config,
        data=drawn_cats,
        out=tmp_path,
        epochs=2,
        fractions=(1, 0.25, 0.5),
        seeds=2,
        cfg_options={"train_dataloader.batch_size": 3},
    )
    assert [(r.name, r.budget.epochs, r.cfg_options["train_cfg.val_interval"]) for r in stood_in[:3]] == [
        ("samples_3_seed0", 8, 8), ("samples_6_seed0", 4, 4), ("samples_12_seed0", 2, 2),
    ]  # fmt: skip
    parts = [set(r.cfg_options["train_dataloader.dataset.indices"]) for r in stood_in]
    assert parts[0] < parts[1] < parts[2] == parts[5] and parts[0] != parts[3]
    assert content["points"][4] == {
        "fraction": 0.5, "samples": 6, "seed": 1, "error": None, "work_dir": "samples_6_seed1", "failed": "it | failed",
    }  # fmt: skip
    twice = content["twice"]
    assert twice["samples"] == 24 and twice["low"] < 10 * 24**-0.5 < twice["high"]
    assert twice["error"] == pytest.approx(10 * 24**-0.5, rel=0.1) and content["check"] is None
    said = re.search(r"With twice the labels \(24\): EPE (\S+) \((\S+) to (\S+)\)\.", text)
    assert said and [float(value) for value in said.groups()] == pytest.approx(
        [twice["error"], twice["low"], twice["high"]], rel=1e-3
    )
    assert re.search(r"\| 0\.5 +\| 6 +\| 4\.082 failed: it \\\| failed +\|", text)
    assert json.loads((tmp_path / "learning_curve.json").read_text()) == json.loads(json.dumps(content))
    assert text in (tmp_path / "learning_curve.md").read_text()
    assert cv2.imread(str(tmp_path / "learning_curve.png")).shape[1] > 500


def test_the_smaller_parts_are_checked_against_the_largest(
    config: Path, drawn_cats: Path, tmp_path: Path, stood_in: list[Recipe]
):
    content, text = learning_curve(
        config, data=drawn_cats, out=tmp_path, minutes=1, fractions=(0.17, 0.25, 0.5, 1), metric="AP"
    )
    check = content["check"]
    assert check["measured"] == [pytest.approx(0.5 * 12**-0.5)] and check["held"] == [True]
    assert check["predicted"]["samples"] == 12 and "the prediction holds." in text
    assert error_name("AP") == "1 - AP" and "training samples | 1 - AP" in text
    assert all(r.budget.minutes == 1 for r in stood_in)


def test_a_part_is_what_its_config_says(config: Path, drawn_cats: Path):
    """The indices reach the dataset that trains."""
    from mmpose.registry import DATASETS

    options = {"train_dataloader.dataset.indices": [1, 4, 5]}
    cfg = load_config(config, data=drawn_cats, work_dir="-", cfg_options=options)
    stated = {**cfg.train_dataloader.dataset, "pipeline": []}
    part = DATASETS.build(stated)
    whole = DATASETS.build({**stated, "indices": None})
    assert [part[i]["img_path"] for i in range(len(part))] == [whole[i]["img_path"] for i in (1, 4, 5)]


def test_a_finished_part_is_not_trained_again(
    config: Path, drawn_cats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What a training leaves is there after the first call, for all but one part; the second trains that one."""
    trained = []

    def leaves(recipe: Recipe, fingerprint: str, epochs: int) -> dict:
        trained.append(recipe.name)
        if trained == ["samples_3_seed0", "samples_6_seed0"]:
            raise MemoryError("killed")
        row = {
            "name": recipe.name,
            "fingerprint": fingerprint,
            "numbers": {"EPE": 9 / len(trained)},
            "test": None,
        }
        recipe.work_dir.mkdir(parents=True, exist_ok=True)
        (recipe.work_dir / "epoch_1.pth").touch()
        (recipe.work_dir / ROW).write_text(json.dumps(row))
        return row

    monkeypatch.setattr(Recipe, "run", leaves)
    monkeypatch.setattr(
        "kpplugins.apis.comparison.result_row.in_fresh_process", lambda work, *args: work(*args)
    )
    settings = dict(data=drawn_cats, out=tmp_path, epochs=1, fractions=(0.25, 0.5, 0.75, 1))
    learning_curve(config, **settings)
    assert len(trained) == 4
    content, _ = learning_curve(config, **settings)
    assert trained[4:] == ["samples_6_seed0"]
    assert [point["error"] for point in content["points"]] == [9, 9 / 5, 3, 9 / 4]


def test_parts_that_all_fail_say_why(
    config: Path, drawn_cats: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        module, "result_row", lambda recipe, again: {"name": recipe.name, "error": "no memory"}
    )
    with pytest.raises(
        BadInputError, match="too few parts could be trained.*samples_3_seed0 failed: no memory"
    ):
        learning_curve(config, data=drawn_cats, out=tmp_path, epochs=1, fractions=(0.25, 0.5, 1))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            dict(fractions=(0.5, 1)),
            "--fractions: wrong fractions of the training split; expected three or more",
        ),
        (dict(fractions=(0.5, 1, 2)), "--fractions: wrong fractions"),
        (dict(seeds=0), "--seeds: wrong number of seeds"),
        (dict(minutes=3), "one budget is needed"),
        (dict(data="gone"), "gone: no such data folder"),
        (dict(metric="mAP"), "--metric: the test has no such number; expected EPE, AP; found mAP"),
        (dict(group_by="no"), "--group-by: the pattern matches no"),
        (dict(cfg_options={"train_dataloader.dataset.indices": 3}), "made of several, or of a part"),
    ],
)
def test_bad_input_is_one_line(
    settings: dict, words: str, config: Path, drawn_cats: Path, tmp_path: Path, stood_in: list[Recipe]
):
    given = {"data": drawn_cats, "out": tmp_path, "epochs": 1, "fractions": (0.25, 0.5, 1), **settings}
    with pytest.raises(BadInputError, match=words) as caught:
        learning_curve(config, **given)
    assert "\n" not in str(caught.value)
