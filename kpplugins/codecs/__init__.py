"""Codecs, registered in MMPose's ``KEYPOINT_CODECS``: coordinates to training targets and back.

The map: ``circle_heatmap.CircleHeatmap`` (blurred circles of the CAT recipe) on top of ``circle_maps``, pure functions
that need only NumPy and OpenCV; ``centernet_keypoints.CenterNetKeypoints`` (boxes and keypoints from their centres) on
top of ``centernet_maps`` (encoding, NumPy) and ``centernet_decode`` (decoding, torch). This package imports none of its
modules, so that code which only draws label maps does not need torch; ``kpplugins.register`` imports the classes.

Adding a new codec: one file with a subclass of MMPose's ``BaseKeypointCodec`` that states its round-trip error, and
pure functions that it calls; import it in ``kpplugins.register``.
"""
