"""``dataset_type``: the class of the datasets."""

from kpplugins.config.parts import dataset_paths
from kpplugins.config.rules.rule import Rule


class DatasetType(Rule):
    """The class of every dataset."""

    name = "dataset_type"
    goes_to = "`type` of every dataset"
    needs = "a dataset that has the type of its base"
    over_use = opt_in = False

    def apply(self) -> None:
        """Give it to the datasets."""
        self.spread((*path, "type") for path, _ in dataset_paths(self.cfg))
