"""Which extra of this project brings a package."""

TRAINING = (
    "torch",
    "torchvision",
    "mmengine",
    "mmcv",
    "mmdet",
    "mmpose",
    "hotcoco",
    "psutil",
    "tensorboard",
    "filelock",
)
"""What the extra ``train`` brings, by the names that are imported; MMPose comes by a command of its own."""
MMPOSE = "pip install --no-deps mmpose==1.3.2"
_EXTRAS = {
    **dict.fromkeys(TRAINING, "train"), **dict.fromkeys(("scipy", "matplotlib"), "data"),
    "onnxruntime": "runtime", "onnx": "export", "onnxscript": "export", "h5py": "formats", "sleap_io": "sleap",
    "cvat_sdk": "cvat", "pandas": "dlc", "tables": "dlc", "trackers": "track", "mmpretrain": "vit",
    "fsspec": "remote", "aiohttp": "remote", "ray": "ray", "lmdb": "lmdb", "gradio": "web", "optuna": "sweep",
    "timm": "timm", "huggingface_hub": "hub", "safetensors": "hub",
}  # fmt: skip


def cure(package: str) -> str:
    """Return the command that installs a package.

    Args:
        package: its name as it is imported.

    Returns:
        ``pip install …``.
    """
    if package == "mmpose":
        return MMPOSE
    extra = _EXTRAS.get(package)
    return f"pip install {package}" if extra is None else f"pip install 'kpplugins[{extra}]'"
