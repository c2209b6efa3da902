"""``splits.json`` beside an annotation: which of its images are for training, validation and testing.

Annotation tools do not keep this, so it is stored with the images; images that are added later are for training.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from kpplugins.data.annotation_set import SPLITS_FILE
from kpplugins.data.parsing.documents import load_json
from kpplugins.data.splits import SPLITS
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text


def write_splits(folder: Path, split_of: Mapping[str, str]) -> None:
    """Write ``folder/splits.json``.

    Args:
        folder: the folder of the annotation.
        split_of: ``train``, ``val`` or ``test`` by the name of an image relative to the folder, with /.
    """
    content = {split: sorted(name for name, s in split_of.items() if s == split) for split in SPLITS}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    replace_text(folder / SPLITS_FILE, text + "\n")


def read_splits(folder: Path, images: Iterable[Path]) -> dict[Path, str]:
    """Read the split of each of ``images`` that ``folder/splits.json`` names.

    Args:
        folder: the folder of the annotation.
        images: paths of images; those outside the folder are left out.

    Returns:
        ``train``, ``val`` or ``test`` by the path of the image.

    Raises:
        BadInputError: it is not what ``write_splits`` writes, or names an image in two splits.
    """
    path = folder / SPLITS_FILE
    content = load_json(path)
    if not isinstance(content, dict) or not all(
        split in SPLITS and isinstance(names, list) for split, names in content.items()
    ):
        raise BadInputError(
            "not a division of images", where=str(path), expected='{"train": [names], "val": [], "test": []}',
            found=ascii(content)[:60], todo="fix it or delete it",
        )  # fmt: skip
    split_of: dict[str, str] = {}
    for split, names in content.items():
        for name in names:
            if split_of.setdefault(_composed(str(name)), split) != split:
                raise BadInputError(
                    "image in two splits",
                    where=str(path),
                    found=f"{name} in {split_of[_composed(str(name))]} and {split}",
                )
    named = {p: _composed(p.relative_to(folder).as_posix()) for p in images if p.is_relative_to(folder)}
    return {image: split_of[name] for image, name in named.items() if name in split_of}


def _composed(name: str) -> str:
    """Return a name as all systems may spell it: macOS takes letters and accents apart."""
    return unicodedata.normalize("NFC", name.replace("\\", "/"))
