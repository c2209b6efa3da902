"""Read what an exported folder says of itself."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpplugins.data.parsing.documents import load_json
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError, BoxLayout, UncertaintyCalibration, VisibilityCalibration
from kpplugins.structures.checksum import sha256_of
from kpplugins.structures.model_kind import BOXES, ONE_STAGE, TOP_DOWN

FORMAT = 1
"""The newest format that this version knows."""
MODEL_FILE, PARITY_FILE, SCHEMA_FILE = "model.json", "parity.json", "schema.json"
DETECTOR_FOLDER = "detector"


@dataclass(frozen=True)
class ExportedFolder:
    """An exported model: its file, and the facts that its use needs.

    Attributes:
        folder: the folder.
        file: the model's file in it.
        target: ``onnx``, ``openvino``, …
        kind: see ``structures.model_kind``.
        name: of the run.
        schema: the keypoints; ``None`` for a detector.
        classes: names of the categories, by label.
        pixels: how images of more than 8 bits become 8 bits.
        layout: how the keypoints lie in the training's boxes, if known.
        visibility: what its scores say about visibility, if the run was calibrated.
        uncertainty: how far off its keypoints may be, if that was.
        flip_test: whether the file averages with the mirrored image.
        facts: everything in ``model.json``.
    """

    folder: Path
    file: Path
    target: str
    kind: str
    name: str
    schema: KeypointSchema | None
    classes: tuple[str, ...]
    pixels: PixelRule
    layout: BoxLayout | None
    visibility: VisibilityCalibration | None
    uncertainty: UncertaintyCalibration | None
    flip_test: bool
    facts: dict[str, Any]

    @classmethod
    def read(cls, folder: Path) -> "ExportedFolder":
        """Read ``model.json``, and check that the model's file is the one that was exported.

        Args:
            folder: the exported folder.

        Returns:
            What it holds.

        Raises:
            BadInputError: a file is missing or damaged, or was written by a newer version.
        """
        path = folder / MODEL_FILE
        facts = load_json(path)
        if not isinstance(facts, dict) or not isinstance(facts.get("format"), int):
            raise BadInputError("not an exported model", where=str(path), expected="an object with `format`")
        if facts["format"] > FORMAT:
            raise BadInputError(
                "exported by a newer version of kpplugins", where=str(path), expected=f"format {FORMAT}",
                found=f"format {facts['format']}, kpplugins {facts.get('kpplugins_version')}",
                todo="upgrade kpplugins, or export the run again with this version",
            )  # fmt: skip
        try:
            found = cls._of(folder, facts)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, BadInputError):
                raise
            raise BadInputError(
                "not the description of an exported model", where=str(path), found=f"{type(error).__name__}: {error}",
                todo="export the run again",
            ) from error  # fmt: skip
        found._check()
        return found

    @classmethod
    def _of(cls, folder: Path, facts: dict[str, Any]) -> "ExportedFolder":
        pixels = facts.get("pixels") or {}
        schema = KeypointSchema.from_dict(facts["schema"]) if facts.get("schema") else None
        return cls(
            folder=folder,
            file=folder / str(facts["file"]),
            target=str(facts["target"]),
            kind=str(facts["kind"]),
            name=str(facts["name"]),
            schema=schema,
            classes=tuple(map(str, facts.get("classes") or ())),
            pixels=PixelRule.of({key: value for key, value in pixels.items() if value}),
            layout=_layout(facts.get("boxes")),
            visibility=_calibration(VisibilityCalibration, facts.get("visibility"), schema, folder),
            uncertainty=_calibration(UncertaintyCalibration, facts.get("uncertainty"), schema, folder),
            flip_test=bool(facts.get("flip_test")),
            facts=facts,
        )

    def _check(self) -> None:
        where = str(self.folder / MODEL_FILE)
        if self.kind not in (BOXES, ONE_STAGE, TOP_DOWN) or (self.schema is None) != (self.kind == BOXES):
            raise BadInputError(
                "not the description of an exported model", where=where, found=f"kind {self.kind!r}"
            )
        if self.file.parent != self.folder or self.file.name != self.facts["file"]:
            raise BadInputError("the model's file lies elsewhere", where=where, found=str(self.facts["file"]))
        if not self.file.exists():
            raise BadInputError(
                "the model's file is missing", where=str(self.file), todo="copy the whole folder"
            )
        given = self.facts.get("checksum")
        if given is not None and checksum_of(self.file) != given:
            raise BadInputError(
                "not the file that was exported", where=str(self.file), expected=f"SHA-256 {given}",
                todo="copy the folder again, or export the run again",
            )  # fmt: skip


def checksum_of(file: Path) -> str:
    """Return the check sum of a model, which may be more than one file.

    Args:
        file: the model's file or folder; OpenVINO's ``.xml`` stands for its ``.bin``, too.

    Returns:
        SHA-256 in hexadecimal digits; of several files that of their check sums, in the order of their names.
    """
    parts = sorted(part for part in file.rglob("*") if part.is_file()) if file.is_dir() else [file]
    weights = file.with_suffix(".bin")
    parts += [weights] if file.suffix == ".xml" and weights.is_file() else []
    if parts == [file]:
        return sha256_of(file)
    return hashlib.sha256("\n".join(sha256_of(part) for part in parts).encode()).hexdigest()


def _layout(boxes: dict[str, Any] | None) -> BoxLayout | None:
    if not boxes:
        return None
    width, height = (float(v) for v in boxes["size"])
    return BoxLayout(tuple((float(x), float(y)) for x, y in boxes["places"]), (width, height))


def _calibration(kind: Any, raw: Any, schema: KeypointSchema | None, folder: Path) -> Any:
    """Read a calibration of the run, if it has one."""
    if schema is None or not raw:
        return None
    return kind.from_dict(raw, schema.keypoints, str(folder / MODEL_FILE))


def is_exported(source: object) -> bool:
    """Tell an exported folder from everything else.

    Args:
        source: anything.

    Returns:
        Whether it is the path of a folder with a ``model.json``.
    """
    return isinstance(source, (str, Path)) and (Path(source) / MODEL_FILE).is_file()
