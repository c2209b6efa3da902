"""SimpleBaseline (ResNet-50), heatmaps at 256×192, on any keypoints: --data DIR of `tools/dataset.py convert`."""

_base_ = [
    "mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py",
    "_base_/custom_data.py",
]
globals().update(_base_.custom)
