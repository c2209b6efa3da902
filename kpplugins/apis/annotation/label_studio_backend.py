"""Label Studio's contract with ML backends, without HTTP: requests and answers as dicts.

Label Studio asks ``health``, then ``setup`` with the project's labelling configuration, then ``predict`` with tasks; it
keeps one prediction a task for each ``model_version``. ``webhook`` and ``train`` tell of labels; nothing is trained.

Written after https://labelstud.io/guide/ml_create and what Label Studio 1.23 sends.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from kpplugins.apis.annotation.found_instances import FoundInstance, categories_of, found_instances, info_of
from kpplugins.apis.annotation.task_images import TaskImages
from kpplugins.data import PoseRecord
from kpplugins.data.annotation_set import SCHEMA_FILE
from kpplugins.data.parsing.values import as_dict, as_list
from kpplugins.formats.label_studio.addresses import spellings
from kpplugins.formats.label_studio.labelling_config import LabellingConfig
from kpplugins.formats.label_studio.regions import regions_of
from kpplugins.formats.prelabels import PreLabels
from kpplugins.structures import BadInputError

if TYPE_CHECKING:
    from kpplugins.inference.predictor import Predictor

_MOST_TASKS = 1000
"""Tasks of one request; Label Studio sends a hundred."""


class LabelStudioBackend:
    """Answers Label Studio's requests with what a model finds.

    Args:
        predictor: the model.
        version: by which Label Studio tells predictions of this model from those of others.
        images: where images may come from.
        score_thr: see ``predicted_content``.
        keep: folder whose ``prelabels.json`` gets what is predicted, so that it can be compared with what people make
            of it, and whose ``schema.json`` the model's keypoints, unless it has one or the project has further labels;
            ``None`` keeps nothing.
        tell: is called with a line on each request that is worth one, and on what does not fit.

    Raises:
        BadInputError: ``keep`` has pre-labels of other keypoints.
    """

    def __init__(
        self,
        predictor: "Predictor",
        version: str,
        images: TaskImages,
        score_thr: float | None = None,
        keep: Path | None = None,
        tell: Callable[[str], None] = print,
    ) -> None:
        self.predictor, self.version, self.images = predictor, version, images
        self.score_thr, self.keep, self.tell = score_thr, keep, tell
        self._kept = PreLabels(predictor.schema.keypoints, version)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            self._kept.take_up(keep)
        self._one_at_a_time = threading.Lock()
        self._told: set[str] = set()

    def answer(self, method: str, path: str, body: Any) -> dict[str, Any] | None:
        """Answer a request.

        Args:
            method: ``GET`` or ``POST``.
            path: ``/predict``, ….
            body: what was sent, for ``POST``.

        Returns:
            What is sent back; ``None`` if there is nothing at this path.

        Raises:
            BadInputError: the request cannot be answered.
        """
        ways: dict[tuple[str, str], Callable[[Any], dict[str, Any]]] = {
            ("GET", "/"): self._health, ("GET", "/health"): self._health, ("GET", "/versions"): self._versions,
            ("POST", "/setup"): self._setup, ("POST", "/validate"): self._validate,
            ("POST", "/predict"): self._predict, ("POST", "/webhook"): self._untrained,
            ("POST", "/train"): self._untrained, ("POST", "/delete"): self._untrained,
        }  # fmt: skip
        way = ways.get((method, path.rstrip("/") or "/"))
        return None if way is None else way(body)

    def _health(self, body: Any) -> dict[str, Any]:
        return {"status": "UP", "model_class": "kpplugins"}

    def _versions(self, body: Any) -> dict[str, Any]:
        return {"versions": [self.version]}

    def _untrained(self, body: Any) -> dict[str, Any]:
        return {"status": "ok", "detail": "nothing is trained here: kpplugins train"}

    def _validate(self, body: Any) -> dict[str, Any]:
        self._config(as_dict(body, "the request", "/validate").get("config"), "/validate")
        return {"status": "ok"}

    def _setup(self, body: Any) -> dict[str, Any]:
        """Check that the project can be told what the model finds."""
        self._config(as_dict(body, "the request", "/setup").get("schema"), "/setup")
        return {"model_version": self.version}

    def _predict(self, body: Any) -> dict[str, Any]:
        """Predict for each task; a task whose image cannot be read gets no prediction, not an empty one."""
        request = as_dict(body, "the request", "/predict")
        config = self._config(request.get("label_config"), "/predict")
        tasks = as_list(request.get("tasks"), "tasks", "/predict")
        if len(tasks) > _MOST_TASKS:
            raise BadInputError(
                "too many tasks", where="/predict", expected=f"at most {_MOST_TASKS}", found=str(len(tasks))
            )
        results: list[Any] = []
        faults: list[BadInputError] = []
        for i, task in enumerate(tasks):
            try:
                results.append(self._prediction(task, config, f"/predict tasks[{i}]"))
            except BadInputError as fault:
                faults.append(fault)
                self.tell(f"bad: {fault}")
                results.append([])
        if faults and len(faults) == len(tasks):
            raise faults[0]
        if self.keep is not None:
            with self._one_at_a_time:
                self._kept.write(self.keep)
                known = (self.keep / SCHEMA_FILE).exists()
                if not known and set(config.keypoints) <= set(self.predictor.schema.keypoints):
                    self.predictor.schema.save(self.keep / SCHEMA_FILE)
        words = f"{len(tasks)} task{'' if len(tasks) == 1 else 's'} predicted"
        self.tell(words + (f", {len(faults)} of them bad" if faults else ""))
        return {"results": results, "model_version": self.version}

    def _prediction(self, task: Any, config: LabellingConfig, where: str) -> dict[str, Any]:
        data = as_dict(as_dict(task, "task", where).get("data"), "data", where)
        address = data.get(config.data_key)
        if not isinstance(address, str) or not address:
            raise BadInputError(
                "task names no image",
                where=where,
                expected=f"data.{config.data_key}",
                found=ascii(address)[:60],
            )
        array = self.images.open(address, self.predictor.read)
        image = info_of(Path("image"), array)
        with self._one_at_a_time:
            result = self.predictor(array)
        found = found_instances(result, image, self.score_thr)
        if len(found) > 1 and not config.tags.boxes:
            raise BadInputError(
                f"{len(found)} instances, whose keypoints cannot be told apart without boxes", where=where,
                expected="<RectangleLabels> in the labelling configuration",
            )  # fmt: skip
        names = self._categories(config, "/predict")
        shown = [self._fitting(one, names, config) for one in found]
        keypoints = self.predictor.schema.keypoints
        regions = [
            region
            for i, (record, one) in enumerate(zip(shown, found, strict=True))
            for region in regions_of(
                record, keypoints, image, f"instance{i}", config.tags, (one.score, one.scores.tolist())
            )
        ]
        if not address.startswith("data:"):
            with self._one_at_a_time:
                self._kept.add(_name_of(address), shown, [one.score for one in found])
        score = sum(one.score for one in found) / len(found) if found else 0.0
        return {"result": regions, "score": round(score, 4), "model_version": self.version}

    def _fitting(self, one: FoundInstance, names: Mapping[str, str], config: LabellingConfig) -> PoseRecord:
        """Return the record under the project's name for its category, without keypoints that the project lacks."""
        keypoints = one.record.keypoints.copy()
        for i, name in enumerate(self.predictor.schema.keypoints):
            if name not in config.keypoints:
                keypoints[i] = 0
        category = one.record.category
        return replace(one.record, keypoints=keypoints, category=names.get(category, category))

    def _config(self, text: Any, where: str) -> LabellingConfig:
        """Read the labelling configuration, and compare its labels with the model's."""
        config = LabellingConfig.parse(_text(text, where), where)
        ours = self.predictor.schema.keypoints
        missing = [name for name in ours if name not in config.keypoints]
        if len(missing) == len(ours):
            raise BadInputError(
                "the project has none of the model's keypoints", where=where, expected=_listed(ours),
                found=_listed(config.keypoints), todo="give its labels the model's names",
            )  # fmt: skip
        if missing:
            self._tell_once(f"keypoints that the project has no label for are left out: {_listed(missing)}")
        self._categories(config, where)
        return config

    def _categories(self, config: LabellingConfig, where: str) -> dict[str, str]:
        """Return the project's name for each category of the model."""
        ours = categories_of(self.predictor)
        if not config.tags.boxes or set(ours) <= set(config.categories):
            return {name: name for name in ours}
        if len(ours) == len(config.categories) == 1:
            self._tell_once(f"the model's {ours[0]!r} are the project's {config.categories[0]!r}")
            return {ours[0]: config.categories[0]}
        raise BadInputError(
            "the project has no label for some categories of the model", where=where, expected=_listed(ours),
            found=_listed(config.categories), todo="add them to <RectangleLabels>",
        )  # fmt: skip

    def _tell_once(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self.tell(line)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadInputError(
            "no labelling configuration", where=where, expected="its XML", found=ascii(value)[:60],
            todo="set up the project's labelling interface first",
        )  # fmt: skip
    return value


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)[:200] or "none"


def _name_of(address: str) -> str:
    """Return the name under which pre-labels are kept: host and path, as many images may have one file name."""
    if "://" not in address:
        return spellings(address)[0]
    parts = urlsplit(address)
    return f"{parts.netloc}{unquote(parts.path)}"
