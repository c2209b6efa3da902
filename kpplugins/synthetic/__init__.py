"""Cats drawn by a program, in the layout of the Kaggle set ``crawford/cat-dataset``.

They let you try and test everything, from files to a trained model, without a download. They are drawings: results on
them say nothing about real cats.

- :mod:`.geometry`     the head as a few numbers -> nine keypoints and every outline, in head units
- :mod:`.placement`    head units -> image pixels: one similarity transform
- :mod:`.noise`        smooth random fields and random colours, shared by the modules below
- :mod:`.canvas`       anti-aliased drawing in image coordinates
- :mod:`.fur`          coats (tabby, spots, calico, ...) as textures, and single hairs
- :mod:`.face`         eyes, nose, mouth, whiskers
- :mod:`.cat`          body, ears, head and face, drawn in order
- :mod:`.backgrounds`  what is behind the cat
- :mod:`.occluders`    what is sometimes in front of it
- :mod:`.camera`       light, blur, sensor noise, JPEG artefacts
- :mod:`.render`       :func:`render_cat`: one image and its keypoints
- :mod:`.writer`       :func:`write_sample_cats`: a folder of them
- :mod:`.marker`       how a folder declares that its cats are drawn, for the writer and for readers

Coordinates: (x, y), the centre of a pixel at integer coordinates; colours are BGR, 0-255. All randomness
comes from the generator that is passed in. OpenCV is imported when one of the two functions is first used.

Adding a new coat: a function in ``fur.py`` and its name in ``PATTERNS``; a new background: a function in
``backgrounds.py`` and its name in ``BACKGROUNDS``. Both change the images of a seed: raise
``writer.DRAWING_VERSION``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .render import render_cat
    from .writer import write_sample_cats

__all__ = ["render_cat", "write_sample_cats"]

_HOME = {"render_cat": "render", "write_sample_cats": "writer"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it offers {', '.join(__all__)}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
