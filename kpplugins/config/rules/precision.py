"""Half precision in a config, by one name."""

import torch
from mmengine.config import Config

from kpplugins.structures import BadInputError


def spread_amp(cfg: Config) -> None:
    """Bring the top-level ``amp = True`` to the optimiser: float16 on a GPU, bfloat16 on a CPU.

    Raises:
        BadInputError: neither true nor false.
    """
    if not isinstance(cfg.get("amp", False), bool):
        raise BadInputError("neither True nor False", where="amp", found=repr(cfg.amp))
    if cfg.get("amp", False) and cfg.get("optim_wrapper"):
        # with the scope, as a config of MMDetection's looks among its own
        cfg.optim_wrapper.type = (
            "AmpOptimWrapper" if torch.cuda.is_available() else "mmpose.CpuAmpOptimWrapper"
        )
        if torch.cuda.is_available():
            cfg.optim_wrapper.setdefault("loss_scale", "dynamic")
