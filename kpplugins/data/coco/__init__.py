"""The inner format: COCO keypoint JSON beside images; ``reader``, ``writer`` and ``schema`` of its categories."""
