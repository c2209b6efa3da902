"""What can be wrong with a keypoint data set: small functions, each from a ``Material`` to its findings. Never torch.

- ``finding``     one thing that was found
- ``material``    what the checks look at: the ``AnnotationSet``, the raw COCO files of ``raw_coco``, and the hashes and
                  thumbnails of ``images.looks``
- ``faults``      turns what the reader could not read into findings
- ``images``      checks of the image files
- ``boxes``, ``corners`` (xyxy in an xywh field), ``areas``, ``points``, ``outliers``, ``sides`` (left and right
  exchanged), ``categories``, ``person`` (COCO's names on something else), ``coverage``: one kind of fault each
- ``shapes``      compares instances by shape

Adding a new check: a function ``(Material) -> list[Finding]`` here, its name in ``CHECKS`` of ``curation.check``, and
a test with a small data set that has only this fault.
"""
