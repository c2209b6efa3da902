"""Exported models, without PyTorch: ``exported_model`` (keypoints) and ``exported_detector`` (boxes).

A new target is a class in ``deploy.runtimes``; nothing changes here.
"""
