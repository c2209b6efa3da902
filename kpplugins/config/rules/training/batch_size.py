"""``batch_size``: how many samples a training step takes."""

from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import value_at
from kpplugins.structures import BadInputError

_PLACE = ("train_dataloader", "batch_size")


class BatchSize(Rule):
    """The number of samples in a training batch of one process; the learning rate stays as it is."""

    name = "batch_size"
    goes_to = "`train_dataloader.batch_size`; `lr` stays as it is, and so do the batches of val and test"
    needs = "a train_dataloader whose batch_size no batch_sampler states"
    opt_in = False

    def check(self) -> None:
        """Raise if the value is not a whole number ≥ 1."""
        if not isinstance(self.value, int) or isinstance(self.value, bool) or self.value < 1:
            raise BadInputError(
                "not a number of samples", where="batch_size", expected="≥ 1", found=repr(self.value)
            )

    def apply(self) -> None:
        """Set it in the loader of training."""
        if value_at(self.cfg, _PLACE) is not None:
            self.spread([_PLACE])
