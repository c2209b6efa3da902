"""Stated size, stored size, shown size: which image an annotation was made on."""

import pytest

from kpplugins.data.images import ImageHeader
from kpplugins.data.parsing.image_sizes import agreed
from kpplugins.data.placement.made_on import MadeOn
from kpplugins.data.rule import AppliedRule
from kpplugins.structures import BadInputError

TURNED, KEPT, UNKNOWN, RESCALED = (
    AppliedRule.EXIF_TURNED,
    AppliedRule.EXIF_KEPT,
    AppliedRule.EXIF_UNKNOWN,
    AppliedRule.RESCALED,
)
PLAIN, SIDEWAYS = ImageHeader(160, 120), ImageHeader(120, 160, 6)  # SIDEWAYS is stored as 160×120
UPSIDE_DOWN, SQUARE = ImageHeader(160, 120, 3), ImageHeader(90, 90, 8)


@pytest.mark.parametrize(
    ("header", "declared", "rescale", "expected"),
    [
        (PLAIN, None, False, None),
        (PLAIN, (160, 120), False, None),
        (SIDEWAYS, (120, 160), False, MadeOn(120, 160, rules=(KEPT,))),
        (SIDEWAYS, (160, 120), False, MadeOn(160, 120, 6, (TURNED,))),
        (SIDEWAYS, None, False, MadeOn(120, 160, rules=(UNKNOWN,), doubt=6)),
        (UPSIDE_DOWN, (160, 120), False, MadeOn(160, 120, rules=(UNKNOWN,), doubt=3)),
        (SQUARE, (90, 90), False, MadeOn(90, 90, rules=(UNKNOWN,), doubt=8)),
        (PLAIN, (320, 240), True, MadeOn(320, 240, rules=(RESCALED,))),
        (PLAIN, (1000, 748), True, MadeOn(1000, 748, rules=(RESCALED,))),  # 119.68, rounded
        (SIDEWAYS, (80, 60), True, MadeOn(80, 60, 6, (TURNED, RESCALED))),
        (SIDEWAYS, (60, 80), True, MadeOn(60, 80, rules=(RESCALED,))),
        (UPSIDE_DOWN, (80, 60), True, MadeOn(80, 60, rules=(RESCALED, UNKNOWN), doubt=3)),
    ],
)
def test_what_agrees(header: ImageHeader, declared: tuple, rescale: bool, expected: MadeOn | None):
    assert agreed(header, declared, rescale) == expected


@pytest.mark.parametrize(
    ("header", "declared", "rescale", "words"),
    [
        (PLAIN, (320, 240), False, "320×240.*160×120.*--rescale"),
        (PLAIN, (320, 200), True, "320×200; found 160×120; to do: restore the image that was annotated$"),
        (PLAIN, (120, 160), True, "120×160; found 160×120 .width and height exchanged."),
        (SIDEWAYS, (161, 120), False, "another size.*--rescale"),
        (SIDEWAYS, (200, 200), True, "another size"),
    ],
)
def test_what_does_not(header: ImageHeader, declared: tuple, rescale: bool, words: str):
    with pytest.raises(BadInputError, match=words):
        agreed(header, declared, rescale)
