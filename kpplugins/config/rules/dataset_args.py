"""``dataset_args``: further arguments of the datasets."""

from kpplugins.config.parts import dataset_paths
from kpplugins.config.rules.rule import Rule
from kpplugins.structures import BadInputError


class DatasetArgs(Rule):
    """Arguments for every dataset."""

    name = "dataset_args"
    goes_to = 'a dict of further arguments, to every dataset: `dict(subset="all")`'
    needs = "a dataset"

    def check(self) -> None:
        """Raise if the value is not a dict."""
        if not isinstance(self.value, dict):
            raise BadInputError(
                "must be a dict of arguments", where="dataset_args", expected='dict(subset="all")',
                found=repr(self.value),
            )  # fmt: skip

    def apply(self) -> None:
        """Set each argument in every dataset that does not state it itself."""
        for path, _ in dataset_paths(self.cfg):
            self.reached = True
            for key, value in self.value.items():
                before = [old[key] for old in self.before if isinstance(old, dict) and key in old]
                if self.inherited((*path, key), *before):
                    self.put((*path, key), value)
