"""A light head on the frozen features of DINOv2 (ViT-S), which are computed once: the head trains in seconds.

Needs timm: `pip install 'kpplugins[timm,hub]'`. Other foundation models by one line, e.g.
`backbone = "timm:vit_base_patch16_dinov3.lvd1689m"`.
"""

_base_ = "_base_/hourglass_small.py"

data_root = "data/custom"
input_size = (224, 224)  # 16×16 patches
max_epochs = 60
lr = 2e-3
backbone = "timm:vit_small_patch14_dinov2.lvd142m"
freeze = ["backbone"]
feature_cache = 4  # augmented views of every image
