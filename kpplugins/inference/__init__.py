"""Trained models, ready to predict on images.

PyTorch is imported only where a run is opened.

- ``predictor``        ``Predictor``, for any kind of model
- ``pose_result``      ``PoseResult``, what it returns
- ``opening``          a model from whatever it is kept in: a run or an exported folder
- ``pose_model``, ``box_model``   what is asked of a model of keypoints and of boxes
- ``trained/``         these in PyTorch
- ``exported/``        the same as files that need no PyTorch
- ``bulk/``            millions of images into JSON lines: resumed, in shards, on Ray
- ``box_detector``     boxes alone, for a top-down model to predict in
- ``seen``, ``unsure`` what a model says about visibility, and how far off keypoints may be
- ``instance_search``  a top-down model without boxes
- ``ahead``            threads that read and prepare
- ``names_of``         names of categories
- ``video_reader``     frames of a video file

Adding a new kind of model: a class that is a ``PoseModel``, and a branch in ``opening``.
"""
