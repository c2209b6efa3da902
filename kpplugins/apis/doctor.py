"""Check what is installed and what stands in for it, with the cure for each fault."""

import importlib.util
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "torch", "torchvision", "onedl-mmengine", "onedl-mmcv", "onedl-mmdetection", "mmpose", "hotcoco",
    "numpy", "opencv-python", "scipy", "matplotlib",
)  # fmt: skip
OPTIONAL = {"onnx": "export", "onnxruntime": "export", "onnxscript": "export", "pytest": "dev"}
CURES = {"mmpose": "pip install --no-deps mmpose==1.3.2"}
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
        The findings in this order; one with a ``cure`` is a fault.
    """
    found = [_python(), *_packages()]
    if not any(f.cure for f in found):
        found += [_device(), _windows(), *_compat(), _registers()]
    return found


def _python() -> Diagnosis:
    good = OLDEST <= sys.version_info[:2] <= NEWEST
    cure = "" if good else f"PYTHON=python{NEWEST[0]}.{NEWEST[1]} make setup"
    return Diagnosis(
        "Python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores", cure
    )


def _packages() -> Iterator[Diagnosis]:
    for name in PACKAGES:
        try:
            yield Diagnosis(name, version(name))
        except PackageNotFoundError:
            if name == "opencv-python" and importlib.util.find_spec("cv2"):
                yield Diagnosis(name, "another build of OpenCV")
            elif name.startswith("onedl-") and importlib.util.find_spec(
                name.removeprefix("onedl-").replace("detection", "det")
            ):
                yield Diagnosis(name, "OpenMMLab's original")
            else:
                yield Diagnosis(name, "missing", CURES.get(name, f"pip install {name}"))
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
            "this OpenCV cannot open windows: kpplugins demo --webcam cannot run",
            "pip uninstall -y opencv-python-headless && pip install --force-reinstall --no-deps opencv-python",
        )
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return Diagnosis(
            "windows", f"{gui}, but no screen here: kpplugins demo --webcam cannot run; everything else works"
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
