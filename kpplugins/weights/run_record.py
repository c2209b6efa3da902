"""A run's record of what prediction needs besides the weights, in every checkpoint and in files beside them."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from mmengine.config import Config

from kpplugins.data.annotation_set import SCHEMA_FILE
from kpplugins.data.parsing.documents import load_json
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, BoxLayout, UncertaintyCalibration, VisibilityCalibration
from kpplugins.structures.replaced_file import replace_text
from kpplugins.version import __version__
from kpplugins.weights.stored_config import built_config, config_from_text

logger = logging.getLogger(__name__)
KEY = "kpplugins"
"""Key of the record in a checkpoint's ``meta``."""
CLASSES_FILE, LAYOUT_FILE = "classes.json", "boxes.json"
CALIBRATIONS: dict[str, type[VisibilityCalibration] | type[UncertaintyCalibration]] = {
    "visibility": VisibilityCalibration,
    "uncertainty": UncertaintyCalibration,
}
"""What is learnt from the validation of a checkpoint; also names of the files, with ``.json``, beside it."""
_DECIDING = ("model", "test_dataloader.dataset.pipeline")
"""Parts of a config that decide what a trained model predicts."""


@dataclass(frozen=True)
class RunRecord:
    """Everything that prediction needs besides the weights; ``None`` where unknown.

    Attributes:
        name: of the run's config file, without its suffix.
        schema: the keypoints.
        classes: names of the boxes' categories, by label, for a model that finds boxes.
        layout: how the keypoints lie in their boxes, for a top-down model.
        config: the settled config as plain data, see ``stored_config``.
        visibility: what the scores of these weights say about visibility, measured in the validation of them.
        uncertainty: how far off their keypoints may be, measured there too.
    """

    name: str | None = None
    schema: KeypointSchema | None = None
    classes: tuple[str, ...] | None = None
    layout: BoxLayout | None = None
    config: dict[str, Any] | None = None
    visibility: VisibilityCalibration | None = None
    uncertainty: UncertaintyCalibration | None = None

    def to_meta(self) -> dict[str, Any]:
        """Return the record as plain data, for a checkpoint's ``meta``."""
        return {
            "version": __version__,
            "name": self.name,
            "schema": self.schema and dict(self.schema.__dict__),
            "classes": self.classes,
            "box_layout": self.layout and dict(self.layout.__dict__),
            "config": self.config,
            **{name: found and found.to_dict() for name, found in self.calibrations.items()},
        }

    def save_beside(self, folder: Path) -> None:
        """Write ``schema.json``, and ``classes.json`` or ``boxes.json``, for people and for other programs."""
        if self.schema is not None:
            self.schema.save(folder / SCHEMA_FILE)
        if self.classes is not None:
            text = json.dumps(list(self.classes), indent=2) + "\n"
            replace_text(folder / CLASSES_FILE, text)
        if self.layout is not None:
            self.layout.save(folder / LAYOUT_FILE)

    @property
    def calibrations(self) -> dict[str, Any]:
        """Return what is learnt from the validation, by the names of ``CALIBRATIONS``."""
        return {name: getattr(self, name) for name in CALIBRATIONS}

    def calibrated(self, found: Mapping[str, Any]) -> "RunRecord":
        """Return the record with other calibrations.

        Args:
            found: by the names of ``CALIBRATIONS``; in place of one, ``None`` or the reason why there is none.
        """
        return replace(self, **{name: None if isinstance(one, str) else one for name, one in found.items()})

    def save_calibrations(self, checkpoint: Path) -> None:
        """Write ``visibility.json`` and ``uncertainty.json`` beside a checkpoint, which they name.

        A file of which nothing is known is removed.
        """
        for name, found in self.calibrations.items():
            file = checkpoint.with_name(f"{name}.json")
            if found is None:
                file.unlink(missing_ok=True)
            else:
                replace(found, checkpoint=checkpoint.name).save(file)


def record_of(content: Mapping[str, Any], checkpoint: Path) -> RunRecord:
    """Read the record of a run from its checkpoint, and what that lacks from the files beside it.

    The checkpoint comes first: the record that this project's training wrote into it, then MMEngine's
    ``dataset_meta``; last come ``schema.json``, ``classes.json`` and ``boxes.json`` in its folder. A warning is logged
    where they disagree. Only a ``visibility.json`` or ``uncertainty.json``
    that names this checkpoint comes before its own: it is newer.

    Args:
        content: the content of the checkpoint.
        checkpoint: its path.

    Returns:
        The record; ``None`` for each value that is found nowhere.

    Raises:
        BadInputError: the record, or a file beside the checkpoint, cannot be read.
    """
    meta = content.get("meta") if "state_dict" in content else None
    meta = meta if isinstance(meta, dict) else {}
    own, near = _own(meta.get(KEY), str(checkpoint)), _beside(checkpoint.parent)
    data = meta.get("dataset_meta")
    data = data if isinstance(data, dict) else {}
    inside = replace(
        own,
        schema=own.schema or _richer(_schema_in(data), near.schema),
        classes=own.classes or _classes_in(data),
    )
    near = replace(near, layout=_layout_beside(checkpoint.parent / LAYOUT_FILE, inside, near.schema))
    measured = _calibrations_beside(checkpoint, inside.schema or near.schema)
    inside = replace(inside, **measured)
    for name, file in (("schema", SCHEMA_FILE), ("classes", CLASSES_FILE), ("layout", LAYOUT_FILE)):
        ours, theirs = getattr(inside, name), getattr(near, name)
        if ours is not None and theirs is not None and ours != theirs:
            logger.warning(
                "%s disagrees with the checkpoint beside it, which is followed: %s",
                checkpoint.parent / file, checkpoint.name,
            )  # fmt: skip
    return RunRecord(*(_first(getattr(inside, f.name), getattr(near, f.name)) for f in fields(RunRecord)))


def config_of(
    config: str | Path | None,
    content: Mapping[str, Any],
    checkpoint: Path,
    record: RunRecord,
    trust: bool = False,
) -> Path | Config:
    """Find the config of a run: the given one, else the one in its checkpoint's record, else the file beside it.

    Without any of these, the text that MMEngine keeps in every checkpoint is read.

    Args:
        config: a config file, or ``None``.
        content: the content of the checkpoint.
        checkpoint: its path.
        record: from ``record_of``.
        trust: let a config in the checkpoint name any code.

    Returns:
        A file, or a settled config.

    Raises:
        BadInputError: there is no config, or the one in the checkpoint names code that is not registered.
    """
    if config is not None:
        return Path(config)
    text = (content.get("meta") or {}).get("cfg") if "state_dict" in content else None
    file = _config_beside(checkpoint.parent)
    if record.config is not None:
        _tell_other(record.config, file, checkpoint)
        return built_config(record.config, str(checkpoint), trust)
    if isinstance(text, str) and file is None:
        return built_config(config_from_text(text, str(checkpoint)), str(checkpoint), trust)
    if file is None:
        raise BadInputError(
            "no config in or beside this checkpoint", where=str(checkpoint), todo="give --config too"
        )
    return file


def _own(stored: Any, where: str) -> RunRecord:
    """Return the record that this project's training wrote."""
    if stored is None:
        return RunRecord()
    try:
        schema, classes, layout = (stored.get(k) for k in ("schema", "classes", "box_layout"))
        config = stored.get("config")
        if not isinstance(config, (dict, type(None))):
            raise TypeError(f"config is {type(config).__name__}")
        schema = schema and KeypointSchema(**schema)
        record = RunRecord(
            name=stored.get("name") and Path(str(stored["name"])).name,
            schema=schema,
            classes=None if classes is None else tuple(map(str, classes)),
            layout=layout and BoxLayout(**layout),
            config=config,
        ).calibrated(
            {
                k: c.from_dict(stored[k], schema.keypoints, where)
                for k, c in CALIBRATIONS.items()
                if stored.get(k)
            }
        )
        if record.layout and record.schema and len(record.layout.places) != record.schema.num_keypoints:
            raise ValueError("box_layout and schema are of different numbers of keypoints")
        return record
    except (TypeError, AttributeError, ValueError) as error:
        raise BadInputError(
            "what this checkpoint says of its run cannot be read", where=where, found=str(error)[:100],
            expected=f"as kpplugins {__version__} writes it", todo="train again",
        ) from error  # fmt: skip


def _beside(folder: Path) -> RunRecord:
    """Read the files beside a checkpoint, except the layout of boxes."""
    schema = KeypointSchema.load(folder / SCHEMA_FILE) if (folder / SCHEMA_FILE).is_file() else None
    return RunRecord(schema=schema, classes=_classes_beside(folder / CLASSES_FILE))


def _layout_beside(file: Path, inside: RunRecord, near: KeypointSchema | None) -> BoxLayout | None:
    """Read the layout beside a checkpoint; it must match the record's keypoints, unless the checkpoint has its own."""
    schema = near if inside.layout else inside.schema or near
    return BoxLayout.load(file, schema.num_keypoints) if schema is not None and file.is_file() else None


def _calibrations_beside(checkpoint: Path, schema: KeypointSchema | None) -> dict[str, Any]:
    """Read the calibrations beside a checkpoint that are of this one."""
    found = {}
    for name, kind in CALIBRATIONS.items():
        file = checkpoint.with_name(f"{name}.json")
        raw = load_json(file) if schema is not None and file.is_file() else None
        if schema is not None and isinstance(raw, dict) and raw.get("checkpoint") == checkpoint.name:
            found[name] = replace(kind.from_dict(raw, schema.keypoints, str(file)), checkpoint=None)
    return found


def _classes_beside(file: Path) -> tuple[str, ...] | None:
    if not file.is_file():
        return None
    try:
        names = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInputError("not JSON", where=str(file), found=str(error)) from error
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise BadInputError(
            "not the names of categories", where=str(file), expected='["cup", "plate"]', found=str(names)[:80]
        )
    return tuple(names)


def _schema_in(data: Mapping[str, Any]) -> KeypointSchema | None:
    """Return the keypoints that MMPose's ``dataset_meta`` describes, if any."""
    try:
        return KeypointSchema.from_metainfo(dict(data))
    except (KeyError, TypeError, ValueError, IndexError):
        return None  # a detector's, or names alone


def _richer(found: KeypointSchema | None, near: KeypointSchema | None) -> KeypointSchema | None:
    """Return the schema beside where its keypoints are those of ``dataset_meta``, which holds less about them."""
    if found is None or near is None or found.keypoints != near.keypoints:
        return found
    return near if found.flip_indices == near.flip_indices else found


def _classes_in(data: Mapping[str, Any]) -> tuple[str, ...] | None:
    names = data.get("classes") or data.get("CLASSES")  # MMPose keeps COCO's categories under the latter
    names = (names,) if isinstance(names, str) else names
    return tuple(names) if names and all(isinstance(name, str) for name in names) else None


def _config_beside(folder: Path) -> Path | None:
    files = sorted(folder.glob("*.py"), key=lambda p: p.stat().st_mtime)
    return files[-1] if files else None


def _tell_other(config: Mapping[str, Any], file: Path | None, checkpoint: Path) -> None:
    """Warn where the config beside a checkpoint describes another model or other inputs."""
    if file is None:
        return
    try:
        other = config_from_text(file.read_text(encoding="utf-8"), str(file))
    except BadInputError:
        other = {}  # it was written by hand
    for place in _DECIDING:
        if _at(config, place) != _at(other, place):
            logger.warning(
                "%s is another config than the one in %s (%s), which is followed; to follow the file, give --config",
                file, checkpoint.name, place,
            )  # fmt: skip
            return


def _at(config: Mapping[str, Any], place: str) -> Any:
    value: Any = config
    for key in place.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _first(ours: Any, theirs: Any) -> Any:
    return theirs if ours is None else ours
