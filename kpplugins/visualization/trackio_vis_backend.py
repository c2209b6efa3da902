"""Log losses and metrics with trackio."""

from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.visualization.vis_backend import BaseVisBackend, force_init_env
from mmpose.registry import VISBACKENDS


@VISBACKENDS.register_module()
class TrackioVisBackend(BaseVisBackend):
    """Logs a run with trackio, whose dashboard runs on one's own machine (``pip install trackio``; ``trackio show``).

    Args:
        save_dir: MMEngine's folder of logs; trackio keeps its own in its cache.
        project: name of the project.
        **init_kwargs: of ``trackio.init``, such as ``name`` or ``space_id``.

    Raises:
        ImportError: trackio is not installed.
    """

    def __init__(self, save_dir: str, project: str = "kpplugins", **init_kwargs: Any) -> None:
        super().__init__(save_dir)
        self._arguments = {"project": project, **init_kwargs}
        self._run: Any = None

    def _init_env(self) -> None:
        try:
            import trackio
        except ImportError as error:
            raise ImportError('Please run "pip install trackio"') from error
        self._run = trackio.init(**self._arguments)
        self._trackio = trackio

    @property
    @force_init_env
    def experiment(self) -> Any:
        """The run of trackio."""
        return self._run

    @force_init_env
    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Keep the config with the run."""
        self._run.config.update({"config": config.pretty_text})

    @force_init_env
    def add_scalar(
        self, name: str, value: int | float | torch.Tensor | np.ndarray, step: int = 0, **kwargs: Any
    ) -> None:
        """Log one number."""
        self._trackio.log({name: float(value)}, step=step)

    @force_init_env
    def add_scalars(
        self, scalar_dict: dict[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Log several numbers."""
        numbers = {
            name: float(value)
            for name, value in scalar_dict.items()
            if isinstance(value, (int, float, torch.Tensor))
        }
        self._trackio.log(numbers, step=step)

    def close(self) -> None:
        """End the run, if it was begun."""
        if self._run is not None:
            self._trackio.finish()
            self._run = None
