"""What can be wrong with a keypoint data set: small functions, each from a ``Material`` to its findings. Never torch.

The map: ``finding`` is one thing found, ``material`` what the checks look at (the ``Reading``, the raw COCO files of
``raw_coco``, and ``looks``: hashes and thumbnails of the pictures). ``faults`` turns what the reader could not read
into findings; ``pictures``, ``duplicates``, ``boxes``, ``corners`` (xyxy in an xywh field), ``areas``, ``points``,
``outliers``, ``sides`` (left and right exchanged), ``categories``, ``person`` (COCO's names on something else),
``coverage``, ``splits`` and ``videos`` look for one kind of fault each. ``shapes`` compares instances by shape.

Adding a new check: a function ``(Material) -> list[Finding]`` here, its name in ``CHECKS`` of ``curation.check``, and
a test with a small data set that has just this fault.
"""
