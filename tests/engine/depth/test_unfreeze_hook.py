"""Block after block, from the output to the input."""

import shutil

import pytest
import torch

from kpplugins.engine.depth.unfreeze_hook import UnfreezeHook
from kpplugins.structures import BadInputError


def states(runner) -> list[dict[str, torch.Tensor]]:
    return [
        torch.load(f"{runner.work_dir}/epoch_{n}.pth", weights_only=False)["state_dict"] for n in (1, 2, 3, 4)
    ]


def changed(before: dict, after: dict) -> set[str]:
    return {name.rpartition(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_what_changes_in_which_epoch(training):
    """Of two blocks and a head, for two epochs: the head; the last block too; everything."""
    hooks = dict(checkpoint=dict(type="CheckpointHook", interval=1))
    start = training(None, epochs=1, default_hooks=hooks)
    kept = f"{start.work_dir}/start.pth"
    shutil.copy(f"{start.work_dir}/epoch_1.pth", kept)
    unfreeze = [dict(type="UnfreezeHook", epochs=2)]
    runner = training(None, epochs=4, custom_hooks=unfreeze, default_hooks=hooks, load_from=kept)
    first, second, third, _ = states(runner)
    assert changed(first, second) == {"backbone.1", "head"}
    assert changed(second, third) == {"backbone.0", "backbone.1", "head"}
    assert changed(torch.load(kept, weights_only=False)["state_dict"], first) == {"head"}


def test_what_is_frozen_stays_so(training):
    hooks = dict(checkpoint=dict(type="CheckpointHook", interval=1))
    frozen = [dict(type="FreezeHook", parts=["backbone.1"]), dict(type="UnfreezeHook", epochs=2)]
    first, _, _, last = states(training(None, epochs=4, custom_hooks=frozen, default_hooks=hooks))
    assert changed(first, last) == {"backbone.0", "head"}


@pytest.mark.parametrize("epochs", [0, 1.5, True, "2"])
def test_a_number_that_is_none(epochs):
    with pytest.raises(BadInputError, match="UnfreezeHook: not a number of epochs"):
        UnfreezeHook(epochs)
