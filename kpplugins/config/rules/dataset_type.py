"""``dataset_type``: the class of the datasets, and with one of ours, any config of MMPose on any keypoints."""

from typing import Any

from mmengine.config import ConfigDict

from kpplugins.config.parts import LOADERS, dataset_paths, evaluators_of, is_own
from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import is_type, value_at
from kpplugins.structures import BadInputError

_KEPT = ("pipeline", "data_mode", "test_mode", "indices", "lazy_init", "serialize_data")
"""Arguments that every dataset of MMPose has, whatever its files."""
_SPLITS = {"train_dataloader": "train", "val_dataloader": "val", "test_dataloader": "test"}


class DatasetType(Rule):
    """The class of every dataset.

    If a class of ``kpplugins.datasets`` replaces others, each loader's dataset, with all that it wraps, becomes one of
    this class: pipelines are kept, files and meta information of the others are removed, metrics are replaced by
    those that need no annotation file, and the model takes its keypoints from the data (``fit``).
    """

    name = "dataset_type"
    goes_to = (
        "`type` of every dataset; one of ours, e.g. `CustomKeypointDataset`, under any config of MMPose: the metrics "
        "and the model's number of keypoints follow too"
    )
    needs = "a dataset that has the type of its base"
    over_use = opt_in = False

    def check(self) -> None:
        """Raise if there is no such class."""
        from mmpose.registry import DATASETS

        if isinstance(self.value, str) and DATASETS.get(self.value) is None:
            raise BadInputError(
                f"unknown dataset {self.value!r}", where="dataset_type", todo="see kpplugins.datasets"
            )

    def apply(self) -> None:
        """Set it in the datasets."""
        if is_own(self.value) and self.stated_by.bases and not self.own_use:
            for loader in LOADERS:
                self._exchange(loader)
        self.spread((*path, "type") for path, _ in dataset_paths(self.cfg))

    def _exchange(self, loader: str) -> None:
        """Replace a loader's dataset by one of ours, if it is inherited."""
        outer = value_at(self.cfg, (loader, "dataset"))
        datasets = [(p, d) for p, d in dataset_paths(self.cfg) if p[0] == loader]
        if not outer or any(is_own(d.get("type")) for _, d in datasets):
            return
        if self.layer.origin(loader, "dataset", "type") not in self.stated_by.below:
            return
        inner = datasets[0][1]
        kept = {key: inner[key] for key in _KEPT if key in inner}
        kept.update({key: outer[key] for key in _KEPT if key in outer and outer[key] != []})
        own: dict[str, Any] = dict(type=self.value, data_root=None, split=_SPLITS[loader], **kept)
        self.put((loader, "dataset"), ConfigDict(own))
        for i, step in enumerate(self.cfg[loader].dataset.get("pipeline") or []):
            keys = step.get("meta_keys")
            if keys and is_type(step, "PackPoseInputs") and "raw_ann_info" not in keys:
                self.put((loader, "dataset", "pipeline", i, "meta_keys"), (*keys, "raw_ann_info"))
        whole = own.get("data_mode", "topdown") != "topdown"
        for path, _ in evaluators_of(self.cfg):
            if path[0] == loader.replace("dataloader", "evaluator"):
                self._evaluate(path[0], whole)

    def _evaluate(self, evaluator: Any, whole: bool) -> None:
        """Set a metric for any keypoints, and the number that chooses the checkpoint."""
        # predictions of whole images are matched by COCO's own metric, from the annotations that samples carry
        metric = dict(type="CocoMetric", nms_mode="none") if whole else dict(type="KeypointMetric")
        self.put((evaluator,), ConfigDict(metric))
        if value_at(self.cfg, ("default_hooks", "checkpoint", "save_best")):
            self.put(("default_hooks", "checkpoint", "save_best"), "coco/AP" if whole else "AP")
            self.put(("default_hooks", "checkpoint", "rule"), "greater")
