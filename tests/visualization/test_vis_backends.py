"""Backends for logs write what MMEngine's logger hands them, where their packages are installed."""

import importlib.util
import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from kpplugins.visualization.current_mlflow_vis_backend import CurrentMLflowVisBackend, allowed
from kpplugins.visualization.trackio_vis_backend import TrackioVisBackend

ENTRY = {"loss": torch.tensor(0.25), "AP(M)": 0.5, "PCK@0.05": math.nan, "box/AR@100": 1, "epoch": 3}


def test_names_that_mlflow_takes():
    assert [allowed(name) for name in ENTRY] == ["loss", "AP_M", "PCK_0.05", "box/AR_100", "epoch"]


@pytest.mark.parametrize(("given", "in_environment", "used"), [
    (None, None, "sqlite:///mlflow.db"), (None, "http://there", "http://there"), ("http://own", "http://there", "http://own"),
])  # fmt: skip
def test_where_mlflow_keeps_runs(
    given: str | None, in_environment: str | None, used: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if in_environment:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", in_environment)
    assert CurrentMLflowVisBackend(str(tmp_path), tracking_uri=given)._tracking_uri == used


def test_a_missing_package_names_itself(tmp_path: Path):
    if importlib.util.find_spec("trackio") is None:
        with pytest.raises(ImportError, match="pip install trackio"):
            TrackioVisBackend(str(tmp_path)).add_scalars({"loss": 1.0})


def test_mlflow_writes_all_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.chdir(tmp_path)
    backend = CurrentMLflowVisBackend(str(tmp_path), tracking_uri=f"sqlite:///{tmp_path}/runs.db")
    backend.add_config(Config(dict(a=1, work_dir=str(tmp_path))))
    backend.add_scalars(ENTRY, step=2)
    (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert run.data.metrics["AP_M"] == 0.5 and run.data.metrics["loss"] == 0.25
    backend.close()


def test_trackio_writes_all_numbers(tmp_path: Path):
    trackio = pytest.importorskip("trackio", reason="trackio is not installed")
    project = f"kpplugins-{tmp_path.name}"
    backend = TrackioVisBackend(str(tmp_path), project=project)
    backend.add_scalars(ENTRY, step=2)
    backend.add_scalar("lr", 0.5, step=2)
    backend.close()
    (run,) = trackio.Api().runs(project)
    trackio.delete_project(project, force=True)
    assert run is not None
