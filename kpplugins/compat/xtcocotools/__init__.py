"""Gap: MMPose 1.x imports ``xtcocotools``, which has no wheel past Python 3.11 and was built against NumPy 1.

===================  ============================================================================
module               what it is
===================  ============================================================================
``coco.py``          ``COCO``: the annotation index
``cocoeval.py``      ``COCOeval``: AP and AR over ``hotcoco``, with xtcocotools' own kinds
``plain_coco.py``    reduces whole-body parts, CrowdPose, … to plain COCO keypoints or boxes
``mask.py``          run-length masks
``provide.py``       ``install()``
===================  ============================================================================

Semantics follow https://github.com/jin-s13/xtcocoapi; the code is our own. Not provided: ``COCO.showAnns``,
``COCO.download``, ``COCOeval.evalImgs`` and ``COCOeval.ious`` (matches and similarities of each image; hotcoco does not
expose the latter). The index is our own: hotcoco's supports no string ids, returns copies of its entries, and cannot be
pickled or copied with a dataset.

Remove when MMPose evaluates with a COCO package that installs on the Python and NumPy versions we support.
"""

__all__: list[str] = []
