"""Predictions frame by frame: JSON Lines, written as they come, and the files that are made of them at the end.

- ``frame_log``         ``FrameLog``, the JSON Lines while they are written
- ``predicted_frames``  ``PredictedFrames``, the same read one by one, whole or cut off
- ``outputs``           the formats by name, and what they need
- ``frames_json``, ``frames_coco``, ``frames_csv``, ``frames_sleap``, ``frames_deeplabcut``, ``frames_anipose``   one
  format each; ``deeplabcut_table`` for the last two
- ``frames_pandas``     the same for your own code

The first line of JSON Lines is the head: ``kpplugins_frames`` (the version, 1), ``source``, ``kind`` (``images``,
``video`` or ``live``), ``name`` of the keypoint set, ``keypoint_names``, ``skeleton``, ``flip_pairs``, and what is
known of ``width``, ``height``, ``fps`` and ``frame_count``. Each further line is a frame: ``frame`` (its number),
``time`` in seconds, ``image``, ``width`` and ``height`` where it is a file, and ``instances`` as
``PoseResult.to_dict`` returns them, or ``fault``. The last line of a run that was not cut off is ``{"end": …}``.

Adding a new format: a module with ``write_frames_NAME(frames, stem)``, which reads ``frames`` one by one and returns
the files it wrote, and a line in ``outputs``.
"""
