"""What steps of a pipeline do, in less time, with the same random numbers and the same results.

Configs keep MMPose's steps; a dataset runs them through a ``QuickPipeline``, which puts a quick one in the place of
each step that has one. Only a step of exactly the class that is meant is replaced, never one of a subclass.

The map: ``QuickPipeline`` (which step is replaced by what), ``QuickFlip`` and ``QuickAffine`` (the flip becomes a sign
in the matrix of the warp, so that an image is read once), ``QuickTarget`` (Gaussian heatmaps of all keypoints at once),
``QuickPack`` (the tensor of the image by planes, no deep copies).

Adding a new quick step: a class here that takes the step and is called as it is, its line in ``QuickPipeline``, and a
test that compares both.
"""
