"""Importing this module registers every class of kpplugins in MMPose, and makes checkpoints load safely.

Configs do it by ``custom_imports = dict(imports=['kpplugins.register'])``.
"""

import warnings

from kpplugins.compat import checkpoints, file_backends

checkpoints.install()
file_backends.install()
warnings.filterwarnings(
    "ignore", "faster_coco_eval is not installed"
)  # MMDetection's hint; COCO AP is hotcoco's here

import mmpose.codecs  # noqa: E402, F401
import mmpose.datasets  # noqa: E402, F401
import mmpose.evaluation  # noqa: E402, F401
import mmpose.models  # noqa: E402, F401
import mmpose.visualization  # noqa: E402, F401

import kpplugins.codecs.centernet_keypoints  # noqa: E402, F401
import kpplugins.codecs.circle_heatmap  # noqa: E402, F401
import kpplugins.datasets  # noqa: E402, F401
import kpplugins.engine  # noqa: E402, F401
import kpplugins.evaluation  # noqa: E402, F401
import kpplugins.models  # noqa: E402, F401
import kpplugins.visualization.current_mlflow_vis_backend  # noqa: E402, F401
import kpplugins.visualization.trackio_vis_backend  # noqa: E402, F401
