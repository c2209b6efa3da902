"""Gap: MMPose 1.x imports ``xtcocotools``, which has no wheel past Python 3.11 and was built against NumPy 1.

===================  ============================================================================
module               what it is
===================  ============================================================================
``coco.py``          ``COCO``: the annotation index
``cocoeval.py``      ``COCOeval``: AP and AR over ``faster-coco-eval``, with xtcocotools' own kinds
``plain_coco.py``    brings whole-body parts, CrowdPose, … down to plain COCO keypoints or boxes
``mask.py``          run-length masks
``provide.py``       ``install()``
===================  ============================================================================

Semantics follow https://github.com/jin-s13/xtcocoapi; the code is our own. Not provided: ``COCO.showAnns``,
``COCO.download`` and ``COCOeval.evalImgs`` (the per-image match tables stay inside the C++ evaluator).

Remove when MMPose evaluates with a COCO package that installs on the Python and NumPy versions we support.
"""

__all__: list[str] = []
