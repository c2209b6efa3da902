"""Log losses and metrics with today's MLflow."""

import os
import re
from typing import Any

from mmengine.visualization import MLflowVisBackend
from mmpose.registry import VISBACKENDS


@VISBACKENDS.register_module()
class CurrentMLflowVisBackend(MLflowVisBackend):
    """MMEngine's backend, for MLflow 3: it refuses a folder of files, and names with brackets or ``@``.

    ``AP(M)`` is logged as ``AP_M``, ``PCK@0.05`` as ``PCK_0.05``.

    Args:
        save_dir: MMEngine's folder of logs.
        tracking_uri: where MLflow keeps the runs. Default: the environment's ``MLFLOW_TRACKING_URI``, else
            ``sqlite:///mlflow.db``, which is MLflow's own.
        **kwargs: of ``MLflowVisBackend``.
    """

    def __init__(self, save_dir: str, tracking_uri: str | None = None, **kwargs: Any) -> None:
        address = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
        super().__init__(save_dir, tracking_uri=address, **kwargs)

    def add_scalars(
        self, scalar_dict: dict[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Log several numbers."""
        renamed = {allowed(name): value for name, value in scalar_dict.items()}
        super().add_scalars(renamed, step, file_path, **kwargs)


def allowed(name: str) -> str:
    """Return a metric's name with ``_`` instead of what MLflow does not take.

    Args:
        name: the metric's name.

    Returns:
        The name to log it by.
    """
    return re.sub(r"[^\w\-. :/]+", "_", name).strip("_")
