"""Short configs as text: MMEngine reads back what was written."""

from pathlib import Path

from kpplugins.config.config_text import Code, base_name, config_text, merged, nested
from kpplugins.config.source import CONFIGS, read_config


def test_what_is_written_is_read_back(tmp_path: Path):
    settings = {
        "data_root": 'a "b" \\ c', "input_size": (64, 32), "one": (1,), "nothing": None, "neither": None,
        "train_dataloader": {"batch_size": 4, "dataset": {"pipeline": Code("steps")}},
        "odd": {"a-b": [1, "x"], "c": True},
    }  # fmt: skip
    text = config_text(
        "kpplugins::custom_hourglass_small.py", settings, says="Why.", before=["steps = [1, 2]"]
    )
    assert text.startswith('"""Why."""\n\n_base_ = "kpplugins::custom_hourglass_small.py"\nsteps = [1, 2]\n')
    assert text.endswith("\nnothing = neither = None\n")
    (tmp_path / "c.py").write_text(text)
    cfg, _ = read_config(tmp_path / "c.py")
    assert cfg.data_root == 'a "b" \\ c' and cfg.input_size == (64, 32) and cfg.one == (1,)
    assert cfg.odd == {"a-b": [1, "x"], "c": True} and cfg.nothing is None
    assert cfg.train_dataloader.batch_size == 4 and cfg.train_dataloader.num_workers == 2  # merged
    assert cfg.train_dataloader.dataset.pipeline == [1, 2]


def test_a_base_is_named_so_that_it_is_found_from_anywhere(tmp_path: Path):
    assert base_name("kpplugins::a.py") == "kpplugins::a.py"
    assert base_name(CONFIGS / "cat_hourglass.py") == "kpplugins::cat_hourglass.py"
    assert base_name(tmp_path / "mine.py") == (tmp_path / "mine.py").resolve().as_posix()


def test_dotted_keys_and_merging_by_hand():
    assert nested({"a.b.c": 1, "a.d": 2, "e": 3}) == {"a": {"b": {"c": 1}, "d": 2}, "e": 3}
    first = {"a": {"b": 1, "c": 2}, "d": 3}
    assert merged(first, {"a": {"b": 4}, "d": {"e": 5}}) == {"a": {"b": 4, "c": 2}, "d": {"e": 5}}
    assert first == {"a": {"b": 1, "c": 2}, "d": 3}
