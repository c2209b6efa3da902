"""The description of a keypoint set: names, flip pairs, skeleton, sigmas. numpy only.

- ``keypoint_schema``   ``KeypointSchema``, from which everything that depends on K is read
- ``from_names``        what follows from keypoint names: flip pairs by left and right, COCO's sigmas
- ``flip_evidence``     what the labelled keypoints themselves say about the flip pairs
- ``measured_sigmas``   sigmas from instances that were annotated more than once
"""

from kpplugins.schema.keypoint_schema import KeypointSchema

__all__ = ["KeypointSchema"]
