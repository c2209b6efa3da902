import unicodedata
from pathlib import Path

import pytest

from kpplugins.data.split_file import read_splits, write_splits
from kpplugins.structures import BadInputError


def test_what_is_written_is_read(tmp_path: Path):
    write_splits(tmp_path, {"a b.jpg": "test", "sub/ü.jpg": "train", "none.jpg": ""})
    images = [
        tmp_path / "a b.jpg",
        tmp_path / "sub/ü.jpg",
        tmp_path / "none.jpg",
        Path("/elsewhere/a b.jpg"),
    ]
    assert read_splits(tmp_path, images) == {images[0]: "test", images[1]: "train"}
    apart = tmp_path / unicodedata.normalize("NFD", "sub/ü.jpg")  # as macOS spells it
    assert read_splits(tmp_path, [apart]) == {apart: "train"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "not a division of images"),
        ('{"valid": []}', "not a division of images.*'valid'"),
        ('{"train": "a.jpg"}', "not a division of images"),
        ('{"train": ["a.jpg"], "test": ["a.jpg"]}', "image in two splits.*a.jpg in train and test"),
        ('{"train": [', r"splits\.json"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, words: str):
    (tmp_path / "splits.json").write_text(text)
    with pytest.raises(BadInputError, match=words):
        read_splits(tmp_path, [])
