"""Codecs, registered in MMPose's ``KEYPOINT_CODECS``: coordinates to training targets and back.

The map: ``circle_heatmap.CircleHeatmap`` (blurred circles of the CAT recipe) over ``circle_maps``, pure functions that
need NumPy and OpenCV alone; ``centernet_keypoints.CenterNetKeypoints`` (boxes and keypoints by their centres) over
``centernet_maps`` (NumPy, to targets) and ``centernet_decode`` (torch, back). This package imports none of its modules
by itself, so that whoever only draws label maps does without torch; ``kpplugins.register`` imports the classes.

Adding a new codec: one representation a file, a class over MMPose's ``BaseKeypointCodec`` with pure functions under it
and a stated round-trip bound; import it in ``kpplugins.register``.
"""
