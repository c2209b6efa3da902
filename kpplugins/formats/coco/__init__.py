"""COCO keypoints for other programs: ``writer``, and ``results``, predictions as COCO results."""
