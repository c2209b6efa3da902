"""Reading a JSON file strictly."""

import json
from pathlib import Path
from typing import Any

from kpplugins.structures import BadInputError


def read_json(path: Path) -> Any:
    """The content of a JSON file (UTF-8, with or without a byte order mark).

    Raises:
        BadInputError: missing, not UTF-8, truncated, not JSON, or with NaN or Infinity, which JSON does not have.
    """

    def refuse(constant: str) -> None:
        raise BadInputError(
            f"holds {constant}, which is no number of JSON", where=str(path), todo="replace it"
        )

    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=refuse)
    except FileNotFoundError as error:
        raise BadInputError("no such file", where=str(path)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"cannot be read: {error}", where=str(path), expected="JSON in UTF-8") from error
    except json.JSONDecodeError as error:
        raise BadInputError(
            f"not JSON: {error.msg}",
            where=f"{path}:{error.lineno}:{error.colno}",
            todo="export it again; is it whole?",
        ) from error
    except RecursionError as error:
        raise BadInputError("nested too deeply to be an annotation", where=str(path)) from error
