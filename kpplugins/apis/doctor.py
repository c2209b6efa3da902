"""Check what is installed and what stands in for it, with the cure for each fault."""

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from kpplugins.extras import TRAINING, cure

PACKAGES = ("numpy", "opencv-python", "pillow", "pyyaml", "tqdm")
ONEDL = {"mmengine": "onedl-mmengine", "mmcv": "onedl-mmcv", "mmdet": "onedl-mmdetection"}
OPTIONAL = {
    "scipy": "data", "matplotlib": "data", "onnxruntime": "runtime", "onnx": "export", "onnxscript": "export",
    "h5py": "formats", "sleap-io": "sleap", "tables": "dlc", "cvat-sdk": "cvat", "trackers": "track",
    "fsspec": "remote", "lmdb": "lmdb", "ray": "ray", "gradio": "web", "optuna": "sweep", "pytest": "dev",
}  # fmt: skip
HEADLESS = "pip uninstall -y opencv-python && pip install --force-reinstall --no-deps opencv-python-headless"
OLDEST, NEWEST = (3, 10), (3, 13)


@dataclass(frozen=True)
class Diagnosis:
    """One line of the doctor's report.

    Attributes:
        name: what was checked.
        state: what was found.
        cure: the command that fixes it; empty where nothing is wrong.
    """

    name: str
    state: str
    cure: str = ""


def diagnose() -> list[Diagnosis]:
    """Check Python and packages and, if they have no faults, device, windows, stand-ins and registration.

    Returns:
        The findings in this order; one with a ``cure`` is a fault. An installation without any package of training is
        none.
    """
    found = [_python(), *(_package(name) for name in PACKAGES)]
    without = [name for name in TRAINING if not importlib.util.find_spec(name)]
    if len(without) == len(TRAINING):
        todo = " && ".join(dict.fromkeys(map(cure, TRAINING)))
        found.append(Diagnosis("training", f"not installed: data and exported models only ({todo})"))
    else:
        found += [_package(name, cure(name)) for name in TRAINING]
    found += _optional()
    if not any(f.cure for f in found):
        found += [_windows()] if without else [_device(), _windows(), *_compat(), _registers()]
    return found


def _python() -> Diagnosis:
    good = OLDEST <= sys.version_info[:2] <= NEWEST
    cure = "" if good else f"PYTHON=python{NEWEST[0]}.{NEWEST[1]} make setup"
    return Diagnosis(
        "Python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores", cure
    )


def _package(name: str, todo: str = "") -> Diagnosis:
    """Say which version of a package is installed, by the name that is imported, or that of its project."""
    project = ONEDL.get(name, name)
    try:
        return Diagnosis(project, version(project))
    except PackageNotFoundError:
        pass
    if name == "opencv-python" and importlib.util.find_spec("cv2"):
        return Diagnosis(name, "another build of OpenCV")
    if name in ONEDL and importlib.util.find_spec(name):
        return Diagnosis(project, "OpenMMLab's original")
    return Diagnosis(project, "missing", todo or f"pip install {project}")


def _optional() -> Iterator[Diagnosis]:
    for name, extra in OPTIONAL.items():
        try:
            yield Diagnosis(name, version(name))
        except PackageNotFoundError:
            yield Diagnosis(name, f"not installed (extra: pip install 'kpplugins[{extra}]')")


def _device() -> Diagnosis:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Diagnosis("device", f"torch does not load: {error}", "make clean setup")
    if torch.cuda.is_available():
        return Diagnosis("device", f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}")
    return Diagnosis("device", f"CPU, {torch.get_num_threads()} threads")


def _windows() -> Diagnosis:
    try:
        import cv2
    except (ImportError, OSError) as error:
        # usually libGL.so.1, which servers and containers lack
        return Diagnosis("windows", f"OpenCV does not load: {error}", HEADLESS)
    gui = next(
        (line.split(":", 1)[1].strip() for line in cv2.getBuildInformation().splitlines() if "GUI:" in line),
        "",
    )
    if gui in ("", "NONE"):
        return Diagnosis(
            "windows",
            "this OpenCV cannot open windows: kpplugins demo --webcam records a video instead",
            "pip uninstall -y opencv-python-headless && pip install --force-reinstall --no-deps opencv-python",
        )
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return Diagnosis(
            "windows", f"{gui}, but no screen here: kpplugins demo --webcam records a video instead"
        )
    return Diagnosis("windows", f"{gui} (for kpplugins demo --webcam)")


def _compat() -> Iterator[Diagnosis]:
    from kpplugins import compat

    for provided in compat.install():
        yield Diagnosis(
            provided.name, f"{'stand-in' if provided.active else 'the real one'}: {provided.detail}"
        )


def _registers() -> Diagnosis:
    try:
        import kpplugins.register  # noqa: F401
    except (ImportError, AssertionError, RuntimeError) as error:
        return Diagnosis("registering in MMPose", str(error).splitlines()[0], "make clean setup")
    return Diagnosis("registering in MMPose", "works")
