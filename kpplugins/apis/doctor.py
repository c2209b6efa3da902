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
class Finding:
    """One line of the doctor's report.

    Attributes:
        name: what was checked.
        state: what was found.
        cure: the command that fixes it; empty where nothing is wrong.
    """

    name: str
    state: str
    cure: str = ""


def examine() -> list[Finding]:
    """Check Python, packages, device, windows, stand-ins and registration; the last four only without faults so far.

    Returns:
        The findings in this order; one with a ``cure`` is a fault.
    """
    found = [_python(), *_packages()]
    if not any(f.cure for f in found):
        found += [_device(), _windows(), *_compat(), _registers()]
    return found


def _python() -> Finding:
    good = OLDEST <= sys.version_info[:2] <= NEWEST
    cure = "" if good else f"PYTHON=python{NEWEST[0]}.{NEWEST[1]} make setup"
    return Finding(
        "Python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores", cure
    )


def _packages() -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            if name == "opencv-python" and importlib.util.find_spec("cv2"):
                yield Finding(name, "another build of OpenCV")
            elif name.startswith("onedl-") and importlib.util.find_spec(
                name.removeprefix("onedl-").replace("detection", "det")
            ):
                yield Finding(name, "OpenMMLab's original")
            else:
                yield Finding(name, "missing", CURES.get(name, f"pip install {name}"))
    for name, extra in OPTIONAL.items():
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            yield Finding(name, f"not installed (extra: pip install 'kpplugins[{extra}]')")


def _device() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("device", f"torch does not load: {error}", "make clean setup")
    if torch.cuda.is_available():
        return Finding("device", f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}")
    return Finding("device", f"CPU, {torch.get_num_threads()} threads")


def _windows() -> Finding:
    try:
        import cv2
    except (ImportError, OSError) as error:
        # usually libGL.so.1, which servers and containers lack
        return Finding("windows", f"OpenCV does not load: {error}", HEADLESS)
    gui = next(
        (line.split(":", 1)[1].strip() for line in cv2.getBuildInformation().splitlines() if "GUI:" in line),
        "",
    )
    if gui in ("", "NONE"):
        return Finding(
            "windows",
            "this OpenCV opens none: kpplugins demo --webcam cannot show",
            "pip uninstall -y opencv-python-headless && pip install --force-reinstall --no-deps opencv-python",
        )
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
        return Finding(
            "windows", f"{gui}, but no screen here: kpplugins demo --webcam cannot show; all else works"
        )
    return Finding("windows", f"{gui} (for kpplugins demo --webcam)")


def _compat() -> Iterator[Finding]:
    from kpplugins import compat

    for provided in compat.install():
        yield Finding(
            provided.name, f"{'stand-in' if provided.active else 'the real one'}: {provided.detail}"
        )


def _registers() -> Finding:
    try:
        import kpplugins.register  # noqa: F401
    except (ImportError, AssertionError, RuntimeError) as error:
        return Finding("registering in MMPose", str(error).splitlines()[0], "make clean setup")
    return Finding("registering in MMPose", "works")
