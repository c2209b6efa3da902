"""Stand-in for ``xtcocotools.mask``: run-length encoded (RLE) masks, from ``hotcoco``.

A mask is an array [H, W] (or [H, W, N]) of 0 and 1 in Fortran order.
An RLE is ``{'size': [H, W], 'counts': bytes}``.

Remove when the package ``kpplugins.compat.xtcocotools`` goes.
"""

from hotcoco.mask import area, decode, encode, frPyObjects, iou, merge, toBbox

__all__ = ["area", "decode", "encode", "frPyObjects", "iou", "merge", "toBbox"]
