import hashlib
from pathlib import Path

from kpplugins.structures.checksum import sha256_of


def test_a_file_of_several_pieces_has_the_sum_of_its_whole_content(tmp_path: Path):
    content = bytes(range(256)) * 5000  # more than one piece of 2²⁰ bytes
    (tmp_path / "a").write_bytes(content)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(content).hexdigest()
