"""Published face data sets: ``landmarks`` names their keypoints, ``ibug_pts`` reads 300-W, ``wflw`` reads WFLW."""
