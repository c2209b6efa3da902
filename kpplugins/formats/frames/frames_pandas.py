"""Predictions as a pandas table, an optional package."""

from pathlib import Path
from typing import TYPE_CHECKING

from kpplugins.extras import cure
from kpplugins.formats.frames.frames_csv import COLUMNS, table_of_keypoints
from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.structures import MachineError

if TYPE_CHECKING:
    import pandas

_WHOLE = ("frame", "instance", "track_id", "state")
"""Columns of whole numbers, of which some may be unknown."""


def predictions_table(path: str | Path) -> "pandas.DataFrame":
    """Read the JSON Lines of ``kpplugins demo`` as a table of one row a keypoint, as ``--format csv`` writes it.

    Args:
        path: ``predictions.jsonl`` of images, or ``NAME.jsonl`` of a video.

    Returns:
        The table, whose columns are ``COLUMNS``; x and y are pixels, and what is unknown is missing. A frame without
        instances has one row without keypoint.

    Raises:
        BadInputError: it holds no predictions.
        MachineError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise MachineError("pandas is not installed", todo=cure("pandas")) from error
    table = pandas.DataFrame(list(table_of_keypoints(PredictedFrames(Path(path)))), columns=list(COLUMNS))
    return table.astype(dict.fromkeys(_WHOLE, "Int64"))
