"""The same instance in frame after frame: its number, and keypoints that do not tremble. Never torch.

- ``tracker``   ``Tracker``, which numbers instances, by the package ``trackers``
- ``one_euro``  the filter, as pure functions
- ``smoother``  ``Smoother``, which applies it to every keypoint of every instance, and measures what it does

Adding another way to number instances: a line in ``tracker.KINDS``.
"""
