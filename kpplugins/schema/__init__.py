"""The description of a keypoint set: names, flip pairs, skeleton, sigmas. NumPy only.

- ``keypoint_schema``   ``KeypointSchema``, the source of everything that depends on K
- ``side_names``        left and right in names, in several languages
- ``from_names``        what keypoint names imply: flip pairs from left and right, COCO's sigmas
- ``flip_evidence``     what the labelled keypoints themselves say about the flip pairs
- ``flip_proposal``     the flip pairs that the labelled keypoints suggest
- ``settled_flips``     whether a set is flipped, by its source, its names and its keypoints
- ``measured_sigmas``   sigmas from instances that were annotated more than once

Adding a new source of schema facts: one module of pure functions that take and return a ``KeypointSchema``.
"""

from kpplugins.schema.keypoint_schema import KeypointSchema

__all__ = ["KeypointSchema"]
