"""mmpretrain's language models, which transformers 5 breaks, and with them every import of mmpretrain and mmdet.

``mmpretrain.models.multimodal`` subclasses what it imports from transformers. Since transformers 5 one of these names
(``find_pruneable_heads_and_indices``) is gone; mmpretrain then sets all of them to ``None``, and the class statement
fails in whatever imports ``mmpretrain.models``: ViTPose's backbone, and ``mmdet.models`` (RTMPose, RTMDet). No model
of keypoints needs them, so an empty module stands in.

Remove when mmpretrain imports with the newest transformers.
"""

from pathlib import Path

from kpplugins.compat.stand_ins import Provided, activate, find_real, is_active

__all__: list[str] = []
_NAME = "mmpretrain.models.multimodal"
_GONE = "def find_pruneable_heads_and_indices"
_SERVED = "left out: mmpretrain's language models do not import with this transformers, and no pose model needs them"


def install() -> Provided:
    """Stand in for mmpretrain's language models where transformers lacks what they import. Idempotent and light.

    Returns:
        Whether the stand-in is active, and why.
    """
    if is_active(_NAME):
        return Provided("multimodal", _NAME, True, _SERVED)
    transformers = find_real("transformers")
    if find_real("mmpretrain") is None or transformers is None or transformers.origin is None:
        return Provided("multimodal", _NAME, False, "not needed: mmpretrain and transformers do not meet")
    if _GONE in (Path(transformers.origin).parent / "pytorch_utils.py").read_text(encoding="utf-8"):
        return Provided("multimodal", _NAME, False, "the real one is used")
    activate({_NAME: "kpplugins.compat.multimodal"})
    return Provided("multimodal", _NAME, True, _SERVED)
