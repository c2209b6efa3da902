"""Kaggle's facial-keypoints-detection: ``reader``, its CSV ``table``, and ``test_file``, what Kaggle requests."""
