"""DeepLabCut's ``CollectedData_SCORER.h5`` with h5py alone: no pandas, no PyTables, and nothing in it is executed.

pandas stores the table in one of two ways, ``fixed`` (DeepLabCut 2.2 and later) and ``table`` (before). The latter
keeps the column names as a pickle, which is read by an unpickler that allows only texts, numbers, lists and tuples.
"""

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data.parsing.hdf5 import MOST_BYTES, require_bounded
from kpplugins.data.parsing.text import one_line
from kpplugins.formats.deeplabcut.table import PointTable, TableRow, check_columns
from kpplugins.structures import BadInputError

CURE = "save the labels again in DeepLabCut, which writes a CSV too, or pandas.read_hdf(FILE).to_csv(FILE)"


def read_h5_table(path: Path) -> PointTable:
    """Read the table in an H5 file.

    Args:
        path: the file.

    Returns:
        The table.

    Raises:
        BadInputError: h5py is not installed, or the file is not as pandas writes it.
    """
    try:
        import h5py
    except ImportError as error:
        raise BadInputError(
            "reading .h5 needs h5py, which is not installed",
            where=str(path),
            todo=f"pip install 'kpplugins[formats]', or {CURE}",
        ) from error
    try:
        with h5py.File(path, "r") as file:
            require_bounded(file, path)
            groups = [group for group in file.values() if isinstance(group, h5py.Group)]
            if len(groups) != 1:
                raise BadInputError(
                    "does not hold exactly one table", where=str(path), found=f"{len(groups)}", todo=CURE
                )
            columns, names, values = _table(groups[0]) if "table" in groups[0] else _fixed(groups[0])
    except BadInputError:
        raise
    except Exception as error:  # h5py raises OSError, KeyError, RuntimeError, … for broken files
        raise BadInputError(
            f"not a table of labels: {one_line(error)}", where=str(path), todo=CURE
        ) from error
    return _checked(path, columns, names, values)


def _checked(path: Path, columns: list[tuple[str, ...]], names: list[str], values: np.ndarray) -> PointTable:
    if len({len(c) for c in columns}) != 1 or len(columns[0]) not in (3, 4) or values.ndim != 2:
        raise BadInputError("not a table of labels", where=str(path), todo=CURE)
    whole = [(c[1] if len(c) == 4 else "", c[-2], c[-1]) for c in columns]
    table = PointTable(path, check_columns(whole, path))
    if values.shape != (len(names), len(columns)) or values.dtype.kind != "f":
        raise BadInputError(
            "not a table of labels", where=str(path), found=f"values {values.shape}", todo=CURE
        )
    for i, (name, row) in enumerate(zip(names, values.reshape(len(names), -1, 2), strict=True)):
        where = f"{path}:row {i + 1}"
        if np.isinf(row).any() or (np.isnan(row).sum(axis=1) == 1).any():
            table.faults.append(
                BadInputError("point has a coordinate that is missing or infinite", where=where)
            )
        else:
            table.rows.append(TableRow(where, name, row.astype(np.float64)))
    return table


def _fixed(group: Any) -> tuple[list[tuple[str, ...]], list[str], np.ndarray]:
    """Read the format with the levels and codes of a MultiIndex, and blocks of values."""
    columns, names = _axis(group, "axis0"), _axis(group, "axis1")
    if 8 * len(names) * len(columns) > MOST_BYTES:
        raise ValueError(f"{len(names)} × {len(columns)} values")
    values = np.full((len(names), len(columns)), np.nan)
    position = {column: i for i, column in enumerate(columns)}
    blocks = [key[: -len("_values")] for key in group if key.startswith("block") and key.endswith("_values")]
    for block in blocks:
        for i, column in enumerate(_axis(group, f"{block}_items")):
            values[:, position[column]] = group[f"{block}_values"][:, i]
    return columns, ["/".join(row) for row in names], values


def _axis(group: Any, name: str) -> list[tuple[str, ...]]:
    """Return the labels of an axis, each as a tuple of its levels."""
    if name in group:
        return [(_text(label),) for label in group[name][:]]
    levels: list[list[str]] = []
    while f"{name}_level{len(levels)}" in group:
        labels = [_text(label) for label in group[f"{name}_level{len(levels)}"][:]]
        levels.append([labels[code] for code in group[f"{name}_label{len(levels)}"][:]])
    if not levels:
        raise KeyError(name)
    return list(zip(*levels, strict=True))


def _table(group: Any) -> tuple[list[tuple[str, ...]], list[str], np.ndarray]:
    """Read the format with rows of one compound type: the image and one block of values."""
    rows = group["table"][:]
    columns = column_names(group["table"].attrs["values_block_0_kind"])
    return columns, [_text(name) for name in rows["index"]], rows["values_block_0"].reshape(len(rows), -1)


class _PlainUnpickler(pickle.Unpickler):
    """Builds texts, numbers, lists, tuples and dicts; refuses everything that would call code."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"column names call {module}.{name}")


def column_names(raw: Any) -> list[tuple[str, ...]]:
    """Read the pickle of the column names without running anything in it.

    Args:
        raw: its bytes.

    Returns:
        The levels of each column's name.

    Raises:
        UnpicklingError: it calls code, or makes room for more values than it has.
        ValueError: it is not lists of texts.
    """
    content = raw if isinstance(raw, bytes) else bytes(raw)
    for opcode, argument, _ in pickletools.genops(content):
        if "PUT" in opcode.name and int(argument or 0) > len(content):
            raise pickle.UnpicklingError(f"column names number {argument} values")
    columns = _PlainUnpickler(io.BytesIO(content)).load()
    if not isinstance(columns, list) or not all(isinstance(column, (list, tuple)) for column in columns):
        raise ValueError("column names are no list")
    if not all(isinstance(name, (str, bytes, int)) for column in columns for name in column):
        raise ValueError("column names are not texts")
    return [tuple(_text(name) for name in column) for column in columns]


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)
