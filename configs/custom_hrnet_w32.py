"""HRNet-w32, heatmaps at 256×192, on any keypoints: --data DIR of what `tools/dataset.py convert` wrote."""

_base_ = [
    "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py",
    "_base_/custom_data.py",
]
globals().update(_base_.custom)
