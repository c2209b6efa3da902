"""``keypoints``: a choice of the data's keypoints."""

from kpplugins.config.parts import own_datasets
from kpplugins.config.rules.rule import Rule


class Keypoints(Rule):
    """The keypoints that are learnt, by name."""

    name = "keypoints"
    goes_to = "`keypoints` of every dataset that can choose some of its keypoints"
    needs = "a dataset of kpplugins.datasets"

    def apply(self) -> None:
        """Set them in the datasets."""
        self.spread((*path, "keypoints") for path, _ in own_datasets(self.cfg))
