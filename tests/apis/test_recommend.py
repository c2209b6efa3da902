"""From a folder to a config that trains within its minutes."""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kpplugins.apis.comparison.budget import Pace
from kpplugins.apis.recommend import recommend, with_schedule
from kpplugins.apis.recommending.choice import choose
from kpplugins.apis.recommending.data_facts import data_facts
from kpplugins.apis.recommending.recommendation import Recommendation
from kpplugins.apis.recommending.settings import settings_of
from kpplugins.apis.train_recommended import train_recommended
from kpplugins.commands import main
from kpplugins.config.load import load_config
from kpplugins.structures import BadInputError

PACE = Pace(epoch=1.0, validation=0.2, start=1.0, samples=12, iterations=1, interval=4)


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained to see how fast it is."""
    monkeypatch.setattr("kpplugins.apis.recommend.time_a_few_steps", lambda untimed, skip_bad: PACE)


def test_the_config_is_short_and_settled_by_load_config(timed, drawn_cats: Path, tmp_path: Path):
    out = tmp_path / "mine.py"
    found = recommend(drawn_cats, minutes=2, clock="cpu", out=out)
    assert found.choice.recipe.name == "custom_hourglass_small" and found.epochs == 112
    lines = out.read_text().splitlines()
    assert len(lines) <= 15 and lines[2] == '_base_ = "kpplugins::cat_hourglass_sample.py"'
    cfg = load_config(out)
    assert cfg.train_cfg.max_epochs == cfg.param_scheduler.total_steps == 112
    assert cfg.train_dataloader.batch_size == found.batch_size == 6
    assert (
        cfg.custom_hooks[-1] == dict(type="TimeBudgetHook", minutes=2, clock="cpu")
        and len(cfg.custom_hooks) == 4
    )
    (step,) = [s for s in cfg.train_dataloader.dataset.pipeline if s.type == "RandomBoxTransform"]
    assert step.rotate_factor < 80
    assert found.text.count("\n- ") >= 5 and "heed: 12 labelled instances" in found.text
    assert json.loads(json.dumps(found.to_json()))["epochs"] == 112


@pytest.mark.parametrize("kind", ["converted", "none held", "several", "any way", "gpu"])
def test_every_kind_of_config_is_short_and_loads(kind: str, drawn_cats: Path, laptop, own: Path):
    """The facts are changed as if the data were other ones; the config is still loaded with these."""
    facts, machine = data_facts(own), laptop()
    if kind == "none held":
        facts = replace(facts, validated=0)
    if kind in ("several", "any way"):
        facts = replace(facts, crowded=0.5, validated=0 if kind == "any way" else 10)
    if kind == "any way":
        facts = replace(facts, turned=100.0)
    if kind == "gpu":
        machine = replace(machine, device="cuda", device_name="X", rate=1e13)
        facts = replace(facts, images=1000)
    choice = choose(facts, machine)
    base = choice.recipe.config_of(facts.dataset_type)
    advice = (*choice.advice, *settings_of(facts, machine, choice, []))
    found = with_schedule(Recommendation(facts, machine, choice, base, None, advice), PACE)
    assert len(found.config.splitlines()) <= 15
    file = own.parent / f"{kind}.py".replace(" ", "_")
    file.write_text(found.config)
    cfg = load_config(file)
    assert cfg.train_cfg.max_epochs == found.epochs
    assert (cfg.val_dataloader is None) == (facts.validated == 0)
    flip = [s for s in cfg.train_dataloader.dataset.pipeline if s.type == "RandomFlip"][0]
    assert isinstance(flip.direction, list) == (kind == "any way")


@pytest.fixture(scope="module")
def own(drawn_cats: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cats, converted."""
    from kpplugins.curation.convert import convert

    folder = tmp_path_factory.mktemp("own") / "cats"
    convert(drawn_cats, folder, ratios=(50, 25, 25))
    return folder


@pytest.fixture
def laptop():
    """Facts of a small machine."""
    from tests.apis.recommending.conftest import LAPTOP

    return lambda: LAPTOP


def test_the_command_prints_the_reasons_or_json(
    timed, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.chdir(tmp_path)
    assert main(["recommend", str(own), "--minutes", "3"]) == 0
    said = capsys.readouterr().out
    assert "\n- top-down: " in said and said.endswith(
        "written: recommended.py\nnext: kpplugins train recommended.py\n"
    )
    assert main(["recommend", str(own), "--cpu-minutes", "3", "--boxes", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["kind"] == "top-down" and content["config"] == Path("recommended.py").read_text()
    Path("recommended.py").write_text("mine = 1\n")
    assert main(["recommend", str(own)]) == 2
    assert "recommended.py: there is something else already" in capsys.readouterr().err
    assert Path("recommended.py").read_text() == "mine = 1\n"


def test_a_few_instances_are_one_line(one_cat: Path, capsys: pytest.CaptureFixture):
    assert main(["recommend", str(one_cat)]) == 2
    said = capsys.readouterr().err
    assert "too few labelled instances" in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--auto"], "--auto needs the data: --data DIR"),
        (["a.py", "--auto", "--data", "x"], "without a config"),
        (["--auto", "--data", "x", "--resume"], "without --resume"),
        ([], "name a config"),
        (["a.py", "--minutes", "3"], "go with --auto"),
        (["a.py", "--boxes"], "go with --auto"),
    ],
)
def test_options_that_contradict(words: list[str], fault: str, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as stopped:
        main(["train", *words])
    assert stopped.value.code == 2 and fault in capsys.readouterr().err


def test_training_by_itself_ends_within_the_minutes(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Timed, scheduled and trained in 9 seconds of one core, beginning and validation included."""
    monkeypatch.setattr("kpplugins.apis.recommend.in_fresh_process", lambda work, *args: work(*args))
    begun = time.process_time()
    found, config = train_recommended(own, minutes=0.15, clock="cpu", work_dir=tmp_path / "run")
    assert config == tmp_path / "run/recommendation/auto_cats.py" and config.read_text() == found.config
    assert json.loads(config.with_suffix(".json").read_text())["recipe"] == "custom_hourglass_small.py"
    assert (tmp_path / "run/auto_cats.py").is_file() and list((tmp_path / "run").glob("epoch_*.pth"))
    assert found.epochs >= 1 and "minutes=0." in found.config
    assert time.process_time() - begun < 60 * 0.15 * 1.3


def test_no_time_at_all_is_an_error(own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("kpplugins.apis.recommend.in_fresh_process", lambda work, *args: work(*args))
    with pytest.raises(BadInputError, match=r"--minutes: the minutes are over before.*found 0.001"):
        train_recommended(own, minutes=0.001, work_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()
