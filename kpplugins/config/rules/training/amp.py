"""``amp``: half precision."""

import logging

import torch

from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import name_of
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
AUTO = "auto"


class Amp(Rule):
    """Half precision: float16 on a GPU, bfloat16 on a CPU; ``"auto"``: only on a CPU with instructions for it."""

    name = "amp"
    goes_to = (
        '`True`: half precision, `optim_wrapper.type`; `"auto"`: on a CPU with bfloat16 instructions only'
    )

    def check(self) -> None:
        """Raise if the value is neither True nor False nor ``"auto"``."""
        if not isinstance(self.value, bool) and self.value != AUTO:
            raise BadInputError('neither True nor False nor "auto"', where="amp", found=repr(self.value))

    def apply(self) -> None:
        """Replace the optimiser wrapper, unless it is neither MMEngine's plain one nor ours."""
        wrapper = self.cfg.get("optim_wrapper")
        known = ("OptimWrapper", "AmpOptimWrapper", "CpuAmpOptimWrapper")
        if not self.value or not wrapper or name_of(wrapper.get("type", known[0])) not in known:
            return
        gpu = torch.cuda.is_available()
        if self.value == AUTO and (gpu or not fast_bfloat16()):
            logger.debug(
                "amp: float32, as this is %s", "a GPU" if gpu else "a CPU without bfloat16 instructions"
            )
            return
        # with the scope: a config of MMDetection's would look in its own registry
        self.put(("optim_wrapper", "type"), "AmpOptimWrapper" if gpu else "mmpose.CpuAmpOptimWrapper")
        if gpu:
            wrapper.setdefault("loss_scale", "dynamic")


def fast_bfloat16() -> bool:
    """Tell whether the processor multiplies bfloat16 numbers itself.

    Returns:
        ``False`` where they take longer than float32.
    """
    asked = (
        getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )
    return any(bool(ask and ask()) for ask in asked)
