"""Decide whether the stand-in for ``xtcocotools`` is needed, and install it.

Remove when the package ``kpplugins.compat.xtcocotools`` goes.
"""

import functools
import importlib
import logging
import sys

from kpplugins.compat.stand_ins import Provided, activate, find_real

logger = logging.getLogger(__name__)

_HERE = "kpplugins.compat.xtcocotools"
_TARGETS = {
    "xtcocotools": _HERE,
    "xtcocotools.coco": f"{_HERE}.coco",
    "xtcocotools.cocoeval": f"{_HERE}.cocoeval",
    "xtcocotools.mask": f"{_HERE}.mask",
}
_SERVED = "COCO, COCOeval (all keypoint kinds, bbox, segm) and mask, over hotcoco"


def _why_unusable() -> str | None:
    """Import the compiled part of an installed xtcocotools; return what went wrong, or None."""
    try:
        importlib.import_module("xtcocotools._mask")
    except (ImportError, ValueError) as error:  # ValueError: built against another NumPy
        for name in [name for name in sys.modules if name.partition(".")[0] == "xtcocotools"]:
            del sys.modules[name]
        return f"{type(error).__name__}: {error}"
    return None


@functools.cache  # a second check would find the stand-in and not the reason for it
def install() -> Provided:
    """Stand in for ``xtcocotools`` where it is missing, or installed but not importable. Idempotent.

    Returns:
        Whether the stand-in is active, and why.
    """
    real = find_real("xtcocotools")
    detail = _SERVED
    if real is not None:
        why = _why_unusable()
        if why is None:
            return Provided("xtcocotools", "xtcocotools", False, f"the real one is used: {real.origin}")
        detail = f"{_SERVED}; the installed xtcocotools does not import ({why})"
        logger.warning("xtcocotools is installed but does not import (%s): kpplugins stands in for it", why)
    if find_real("hotcoco") is None:
        return Provided("xtcocotools", "xtcocotools", False, "not served: `pip install hotcoco`")
    activate(_TARGETS)
    return Provided("xtcocotools", "xtcocotools", True, detail)
