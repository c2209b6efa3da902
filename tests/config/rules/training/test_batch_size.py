"""The batch size of training by one name."""

from pathlib import Path

import pytest

from kpplugins.config.load import load_config
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError


def loaded(path: Path, **options):
    return load_config(path, schema=CAT_SCHEMA, cfg_options=options)


@pytest.mark.parametrize("base", ["custom_hourglass_small.py", "custom_rtmpose_t.py", "custom_centernet.py"])
def test_it_reaches_training_alone(root: Path, tmp_path: Path, base: str):
    path, child = root / "configs" / base, tmp_path / "child.py"
    child.write_text(f"_base_ = '{path}'\nbatch_size = 5\n")
    before = loaded(path)
    for cfg in (loaded(child), loaded(path, batch_size=5)):
        assert cfg.train_dataloader.batch_size == 5
        assert cfg.optim_wrapper.optimizer.lr == before.optim_wrapper.optimizer.lr
        assert cfg.val_dataloader.batch_size == before.val_dataloader.batch_size


def test_what_is_said_of_the_loader_itself_stays(root: Path):
    options = {"batch_size": 5, "train_dataloader.batch_size": 7}
    assert loaded(root / "configs/custom_hourglass_small.py", **options).train_dataloader.batch_size == 7


@pytest.mark.parametrize("number", [0, "2", True, 1.5])
def test_a_number_that_is_none(root: Path, number):
    with pytest.raises(BadInputError, match="batch_size: not a number of samples; expected ≥ 1"):
        loaded(root / "configs/custom_hourglass_small.py", batch_size=number)
