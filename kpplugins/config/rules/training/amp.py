"""``amp``: half precision."""

import torch

from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import name_of
from kpplugins.structures import BadInputError


class Amp(Rule):
    """Half precision: float16 on a GPU, bfloat16 on a CPU."""

    name = "amp"
    goes_to = "`True`: half precision, `optim_wrapper.type`"

    def check(self) -> None:
        """Raise if the value is neither True nor False."""
        if not isinstance(self.value, bool):
            raise BadInputError("neither True nor False", where="amp", found=repr(self.value))

    def apply(self) -> None:
        """Replace the optimiser wrapper, unless it is neither MMEngine's plain one nor ours."""
        wrapper = self.cfg.get("optim_wrapper")
        known = ("OptimWrapper", "AmpOptimWrapper", "CpuAmpOptimWrapper")
        if not self.value or not wrapper or name_of(wrapper.get("type", known[0])) not in known:
            return
        gpu = torch.cuda.is_available()
        # with the scope: a config of MMDetection's would look in its own registry
        self.put(("optim_wrapper", "type"), "AmpOptimWrapper" if gpu else "mmpose.CpuAmpOptimWrapper")
        if gpu:
            wrapper.setdefault("loss_scale", "dynamic")
