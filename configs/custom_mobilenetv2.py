"""Heatmaps on torchvision's MobileNetV2 from ImageNet, at 128×128, sized for CPU cores: --data DIR, or data_root."""

_base_ = "_base_/hourglass_small.py"

data_root = "data/custom"
backbone = "torchvision:mobilenet_v2"
lr = 1e-3  # a quarter of the base's, which is for random weights
