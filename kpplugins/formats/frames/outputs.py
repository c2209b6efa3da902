"""The formats that predictions are written in at the end, by name."""

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from kpplugins.extras import cure
from kpplugins.formats.frames.frames_anipose import write_frames_anipose
from kpplugins.formats.frames.frames_coco import write_frames_coco
from kpplugins.formats.frames.frames_csv import write_frames_csv
from kpplugins.formats.frames.frames_deeplabcut import write_frames_deeplabcut
from kpplugins.formats.frames.frames_json import write_frames_json
from kpplugins.formats.frames.frames_sleap import write_frames_sleap
from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.structures import BadInputError
from kpplugins.structures.machine_error import MachineError

OUTPUTS: dict[str, Callable[[PredictedFrames, Path], list[Path]]] = {
    "json": write_frames_json,
    "coco": write_frames_coco,
    "csv": write_frames_csv,
    "sleap": write_frames_sleap,
    "dlc": write_frames_deeplabcut,
    "anipose": write_frames_anipose,
}
"""What writes each format: it takes the frames and the path of the results without ending, and returns its files."""
_NEEDS = {"sleap": ("sleap_io",), "dlc": ("pandas", "tables"), "anipose": ("pandas", "tables")}
"""The packages that a format needs."""


def require_outputs(names: Iterable[str]) -> None:
    """Make sure, before anything is predicted, that formats can be written.

    Args:
        names: of the formats.

    Raises:
        BadInputError: there is no such format.
        MachineError: a package is not installed.
    """
    for name in names:
        if name not in OUTPUTS:
            raise BadInputError(
                "unknown format", where="--format", expected=", ".join(OUTPUTS), found=repr(name)
            )
        for package in _NEEDS.get(name, ()):
            if find_spec(package) is None:
                raise MachineError(
                    f"--format {name} needs {package}, which is not installed", todo=cure(package)
                )


def write_outputs(path: Path, names: Iterable[str]) -> list[Path]:
    """Write predictions in their final formats.

    Args:
        path: the JSON Lines.
        names: of the formats.

    Returns:
        The files.

    Raises:
        BadInputError: ``path`` holds no predictions, or a file cannot be written.
    """
    frames = PredictedFrames(path)
    return [file for name in names for file in OUTPUTS[name](frames, path.with_suffix(""))]
