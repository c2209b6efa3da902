import codecs
from pathlib import Path

import pytest

from kpplugins.data.parsing.documents import load_json, load_xml
from kpplugins.data.parsing.text import first_text, read_text
from kpplugins.structures import BadInputError

TEXT = '{"label": "左眼", "note": "é"}'
MARKED = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
    "gb18030": b"\x84\x31\x95\x33",
}


@pytest.mark.parametrize("encoding", MARKED)
def test_the_byte_order_mark_says_the_encoding(tmp_path: Path, encoding: str):
    path = tmp_path / "a.json"
    path.write_bytes(MARKED[encoding] + TEXT.encode(encoding))
    assert read_text(path) == first_text(path) == TEXT
    assert load_json(path) == {"label": "左眼", "note": "é"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_without_a_mark_the_zero_bytes_of_ascii_tell_utf_16(tmp_path: Path, encoding: str):
    path = tmp_path / "a.json"
    path.write_bytes(TEXT.encode(encoding))
    assert read_text(path) == TEXT


def test_the_end_of_a_long_file_in_utf_16_is_read_whole(tmp_path: Path):
    path = tmp_path / "a.json"
    for length in (100_000, 100_001):
        path.write_bytes(codecs.BOM_UTF16_LE + ("é" * length + '"images"').encode("utf-16-le"))
        assert first_text(path).endswith('é"images"') and "�" not in first_text(path)


def test_xml_says_its_encoding_itself(tmp_path: Path):
    path = tmp_path / "a.xml"
    for encoding in ("gb18030", "gbk", "utf-16"):
        path.write_bytes(f'<?xml version="1.0" encoding="{encoding}"?><a name="左眼"/>'.encode(encoding))
        assert load_xml(path).get("name") == "左眼"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TEXT.encode("gb18030"), r"not UTF-8 text.*byte 11 is no utf-8.*iconv"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8\x00", "not UTF-8 text.*no utf-16-le"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', "not UTF-8 text.*klingon"),
        (b'<?xml version="1.0" encoding="hex"?><a/>', "not UTF-8 text.*hex"),
        (codecs.BOM_UTF16_LE, "annotation is empty"),
        (codecs.BOM_UTF8 + b" \n", "annotation is empty"),
        (b"", "annotation is empty"),
    ],
)
def test_any_other_encoding_is_one_clear_line(tmp_path: Path, content: bytes, words: str):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=rf"a\.json: annotation .*{words}|{words}") as caught:
        read_text(path)
    assert "\n" not in str(caught.value)
    first_text(path)
