"""Compare the size that an annotation states with that of its image, EXIF orientation considered."""

from kpplugins.data.images import ImageHeader
from kpplugins.data.placement.made_on import TURNED, MadeOn
from kpplugins.data.rule import AppliedRule
from kpplugins.structures import BadInputError

_ROUNDING = 1
"""Pixels by which a scaled side may differ from the exact one, because programs round."""


def agreed(header: ImageHeader, declared: tuple[int, int] | None, rescale: bool = False) -> MadeOn | None:
    """Tell which image an annotation was made on: the decoded one, or the one before its EXIF orientation was applied.

    Args:
        header: of the image file.
        declared: width and height that the annotation states; ``None`` if it states none.
        rescale: accept one factor between the two sizes.

    Returns:
        What the annotation was made on; ``None`` for the decoded image, where nothing needs to be said.

    Raises:
        BadInputError: the sizes differ otherwise.
    """
    shown, orientation = (header.width, header.height), header.orientation
    stored = shown[::-1] if orientation in TURNED else shown
    if declared is None or (declared == shown == stored):
        return (
            None if orientation == 1 else MadeOn(*shown, rules=(AppliedRule.EXIF_UNKNOWN,), doubt=orientation)
        )
    if declared == shown:
        return MadeOn(*shown, rules=(AppliedRule.EXIF_KEPT,))
    if declared == stored:
        return MadeOn(*stored, orientation, (AppliedRule.EXIF_TURNED,))
    as_shown, as_stored = _one_factor(declared, shown), _one_factor(declared, stored)
    if rescale and as_shown:
        if orientation != 1 and as_stored:
            return MadeOn(
                *declared, rules=(AppliedRule.RESCALED, AppliedRule.EXIF_UNKNOWN), doubt=orientation
            )
        return MadeOn(*declared, rules=(AppliedRule.RESCALED,))
    if rescale and as_stored:
        return MadeOn(*declared, orientation, (AppliedRule.EXIF_TURNED, AppliedRule.RESCALED))
    exchanged = " (width and height exchanged)" if declared == shown[::-1] else ""
    raise BadInputError(
        "image has another size than the annotation says", expected=f"{declared[0]}×{declared[1]}",
        found=f"{shown[0]}×{shown[1]}{exchanged}",
        todo="restore the image that was annotated"
        + (", or scale its annotation too with --rescale" if as_shown or as_stored else ""),
    )  # fmt: skip


def _one_factor(declared: tuple[int, int], size: tuple[int, int]) -> bool:
    """Tell whether one factor leads from the declared size to the other, up to rounding."""
    least = max((side - _ROUNDING) / said for said, side in zip(declared, size, strict=True))
    most = min((side + _ROUNDING) / said for said, side in zip(declared, size, strict=True))
    return least < most
