"""Print a variable of a MATLAB file as JSON, as a program of its own: ``python plain_mat.py FILE VARIABLE``.

SciPy's reader may crash the process, or ask for any amount of memory, where bytes of the file are wrong. It imports
nothing of this package, so that it starts at once.
"""

import json
import sys
from typing import Any

_MEMORY, _TEXT = 4 << 30, 1 << 28
"""Bytes that the process may ask for and print; a file of MPII's size takes a tenth and a sixth of them."""


def plain(value: Any) -> Any:
    """Make a value that JSON has.

    Args:
        value: what SciPy read.

    Returns:
        An object for a structure, a flat list for an array, a number or a text; the text of anything else.
    """
    import numpy as np

    if hasattr(value, "_fieldnames"):
        return {name: plain(getattr(value, name)) for name in value._fieldnames}
    if isinstance(value, np.ndarray):
        return [plain(one) for one in value.ravel().tolist()]
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, bool | int | float | str) else str(value)


def main(path: str, variable: str) -> int:
    """Print the variable; ``null`` if there is none.

    Args:
        path: the file.
        variable: its name.

    Returns:
        The exit status; where it is 1, the last line of standard error says why.
    """
    from scipy.io import loadmat

    try:
        content = loadmat(path, struct_as_record=False, squeeze_me=True, variable_names=[variable])
        text = json.dumps(plain(content[variable]) if variable in content else None)
        if len(text) > _TEXT:
            raise ValueError(f"its content takes {len(text) >> 20} MiB")
        sys.stdout.write(text)
    except Exception as error:  # SciPy may raise anything for a broken file
        sys.stderr.write(f"{str(error) or type(error).__name__}\n")
        return 1
    return 0


def _limit_memory() -> None:
    try:
        import resource

        most = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY if most < 0 else min(_MEMORY, most), most))
    except (ImportError, OSError, ValueError):
        pass  # a system without limits


if __name__ == "__main__":
    _limit_memory()
    sys.exit(main(*sys.argv[1:]))
