"""Find keypoints with an exported folder, by NumPy, OpenCV and ONNX Runtime alone.

    python onnx_alone.py FOLDER IMAGE X1 Y1 X2 Y2
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

folder, image, *corners = sys.argv[1:]
facts = json.loads(Path(folder, "model.json").read_text(encoding="utf-8"))
session = onnxruntime.InferenceSession(str(Path(folder, facts["file"])))
inputs = {"image": cv2.imread(image), "boxes": np.array([corners], np.float32)}
(keypoints,), (scores,) = session.run(["keypoints", "scores"], inputs)
for name, (x, y), score in zip(facts["schema"]["keypoints"], keypoints, scores):
    print(f"{name} {x:.2f} {y:.2f} {score:.3f}")
