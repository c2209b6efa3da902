"""Small configs, one of each kind of model."""

import pytest

_TINY = {
    "top_down": """
_base_ = "{root}/configs/custom_hourglass_small.py"
input_size = (64, 64)
model = dict(backbone=dict(channels=16), head=dict(in_channels=16, depth=2))
""",
    "centernet": """
_base_ = "{root}/configs/custom_centernet.py"
input_size = (64, 64)
model = dict(backbone=dict(channels=16, depth=2), head=dict(in_channels=16, feat_channels=16))
""",
    "detector": """
_base_ = "{root}/configs/detector_rtmdet_tiny.py"
input_size = (64, 64)
""",
}


@pytest.fixture(scope="session")
def tiny_configs() -> dict[str, str]:
    """Texts by kind, with a place for the repository's ``root``."""
    return dict(_TINY)
