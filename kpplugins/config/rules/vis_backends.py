"""``vis_backends``: where losses and metrics are logged."""

from typing import Any

from kpplugins.config.rules.rule import Rule
from kpplugins.structures import BadInputError

BACKENDS = {
    "local": "LocalVisBackend", "tensorboard": "TensorboardVisBackend", "wandb": "WandbVisBackend",
    "mlflow": "CurrentMLflowVisBackend", "clearml": "ClearMLVisBackend", "trackio": "TrackioVisBackend",
    "neptune": "NeptuneVisBackend", "dvclive": "DVCLiveVisBackend", "aim": "AimVisBackend",
}  # fmt: skip
"""Short names of the backends, MMEngine's but for MLflow and trackio."""
_LOCAL = "LocalVisBackend"


class VisBackends(Rule):
    """The backends of the visualizer, by short names or as OpenMMLab writes them.

    ``LocalVisBackend``, which writes the JSON lines that curves and comparisons are made from, is always among them.
    """

    name = "vis_backends"
    goes_to = (
        "`visualizer.vis_backends`: where losses and metrics are logged besides the console and the JSON lines: "
        + ", ".join(f'`"{name}"`' for name in list(BACKENDS)[1:])
        + ", a list of them, or dicts as OpenMMLab writes them"
    )
    needs = "a visualizer"
    opt_in = False

    def check(self) -> None:
        """Raise if a backend is neither a known short name nor a dict with a type."""
        for item in self._items():
            named = isinstance(item, str) and item in BACKENDS
            if not named and not (isinstance(item, dict) and item.get("type")):
                raise BadInputError(
                    "not a backend", where="vis_backends", found=repr(item),
                    expected=", ".join(BACKENDS) + ", or dict(type=…)",
                )  # fmt: skip

    def apply(self) -> None:
        """Set the list in the visualizer."""
        path = ("visualizer", "vis_backends")
        if not isinstance(self.cfg.get("visualizer"), dict):
            return
        backends = [dict(type=BACKENDS[item]) if isinstance(item, str) else item for item in self._items()]
        if not any(str(backend["type"]).endswith(_LOCAL) for backend in backends):
            backends = [dict(type=_LOCAL), *backends]
        if self.inherited(path, *self.before):
            self.put(path, backends)

    def _items(self) -> list[Any]:
        return list(self.value) if isinstance(self.value, (list, tuple)) else [self.value]
