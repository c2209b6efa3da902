"""RTMPose-s (small), SimCC at 256×192, on any keypoints: --data DIR of what `tools/dataset.py convert` wrote."""

_base_ = [
    "mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-s_8xb256-420e_coco-256x192.py",
    "_base_/custom_rtmpose.py",
]
globals().update(_base_.custom)
custom_hooks = [_base_.custom_hooks[0], *_base_.custom.custom_hooks]  # MMPose averages the weights (EMA)
