"""A folder of drawn cats in the layout of the Kaggle set ``crawford/cat-dataset``."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from kpplugins.structures import BadInputError

from .marker import FIRST_LINE, README
from .render import render_cat

DRAWING_VERSION = 1  # raise when the same seed gives other images
FOLDERS = tuple(f"CAT_{number:02d}" for number in range(7))
JPEG_QUALITY = 92

_README = """{first_line}

Made by kpplugins.synthetic, drawing version {version}: {num} images, seed {seed}.
The same version, seed and OpenCV give the same files.

They are for trying and testing the tools without a download.
Do not use them to judge how accurate a model is on real cats.

The layout is that of the Kaggle set crawford/cat-dataset: beside each NAME.jpg a NAME.jpg.cat with
"9 x1 y1 ... x9 y9 ": left eye, right eye, mouth, left ear 1-3, right ear 1-3. Left is the image's left;
left ear: outer base, tip, inner base; right ear: inner base, tip, outer base.
"""


def write_sample_cats(
    out: Path, num: int, seed: int, progress: Callable[[int, int], None] | None = None
) -> int:
    """Draw ``num`` cats into a new folder: ``CAT_00/00000000_000.jpg``, its ``.cat``, ..., ``README.txt``.

    The folder appears only when everything is written; after an error or an interruption there is none.

    Args:
        out: folder to create; it may exist if it is empty. Its parents are created, too.
        num: number of images, spread in order over ``CAT_00`` to ``CAT_06``.
        seed: image i depends only on the seed and on i, not on ``num``.
        progress: called with (written, num) after each image.

    Returns:
        The number of images written.

    Raises:
        BadInputError: ``num`` is not positive, ``seed`` is negative, or ``out`` is a file or a folder that is not
            empty.
    """
    out = Path(out)
    if num < 1:
        raise BadInputError("number of cats to draw", expected="1 or more", found=str(num))
    if seed < 0:
        raise BadInputError("seed", expected="0 or more", found=str(seed))
    _check_free(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as aside:
        made = Path(aside) / "set"
        for index in range(num):
            _write_one(made / FOLDERS[index * len(FOLDERS) // num], index, seed)
            if progress is not None:
                progress(index + 1, num)
        readme = _README.format(first_line=FIRST_LINE, version=DRAWING_VERSION, num=num, seed=seed)
        (made / README).write_text(readme, encoding="utf-8")
        _check_free(out)  # again: minutes may have passed
        if out.exists():
            out.rmdir()
        made.rename(out)
    return num


def _check_free(out: Path) -> None:
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        what = "has files in it" if out.is_dir() else "is a file"
        raise BadInputError(
            what, where=str(out), todo="give a new folder, or remove it first; nothing was written"
        )


def _write_one(folder: Path, index: int, seed: int) -> None:
    """Write image ``index`` and its ``.cat`` file, rounded to whole pixels as in the real set."""
    folder.mkdir(parents=True, exist_ok=True)
    image, keypoints = render_cat(np.random.default_rng(np.random.SeedSequence([seed, index])))
    path = folder / f"{index:08d}_000.jpg"
    done, packed = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise OSError(f"OpenCV could not encode {path.name} as JPEG; is it built with JPEG support?")
    path.write_bytes(packed.tobytes())
    numbers = np.rint(keypoints).astype(int).ravel().tolist()
    text = f"{len(keypoints)} " + "".join(f"{number} " for number in numbers)
    path.with_name(path.name + ".cat").write_bytes(text.encode("ascii"))
