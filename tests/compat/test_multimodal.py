"""mmpretrain's language models are left out where transformers lacks what they import, and only there."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
CODE = """
import sys
sys.path[:0] = [{packages!r}, {repository!r}]
from kpplugins import compat
provided = {{p.name: p for p in compat.install()}}["multimodal"]
again = {{p.name: p for p in compat.install()}}["multimodal"]
try:
    import mmpretrain.models
    there = hasattr(mmpretrain.models, "backbone"), hasattr(mmpretrain.models, "Bert")
except TypeError as error:
    there = error
print(provided.active, provided == again, there)
"""
LANGUAGE = """
try:
    from transformers.pytorch_utils import find_pruneable_heads_and_indices
    from transformers import PreTrainedModel
except ImportError:
    PreTrainedModel = None
class Bert(PreTrainedModel):
    pass
"""


@pytest.mark.parametrize(
    ("utilities", "printed"),
    [
        ("", "True True (True, False)"),  # transformers 5
        ("def find_pruneable_heads_and_indices(): ...\n", "False True (True, True)"),  # transformers 4
        (None, "False True NoneType takes no arguments"),  # none is installed: mmpretrain does not look then
    ],
)
def test_it_stands_in_where_a_name_is_gone(tmp_path: Path, utilities: str | None, printed: str):
    models = tmp_path / "mmpretrain/models"
    (models / "multimodal").mkdir(parents=True)
    (tmp_path / "mmpretrain/__init__.py").write_text("")
    (models / "__init__.py").write_text("backbone = 1\nfrom .multimodal import *\n")
    (models / "multimodal/__init__.py").write_text(LANGUAGE)
    if utilities is not None:
        (tmp_path / "transformers").mkdir()
        (tmp_path / "transformers/__init__.py").write_text("class PreTrainedModel: ...\n")
        (tmp_path / "transformers/pytorch_utils.py").write_text(utilities)
    code = CODE.format(packages=str(tmp_path), repository=str(REPOSITORY))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == printed
