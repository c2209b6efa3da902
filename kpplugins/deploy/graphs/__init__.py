"""Whole models as ``torch.nn.Module``s from the pixels of an image to keypoints in it: what the targets write.

A graph has ``inputs`` and ``outputs``, tuples of ``Port`` in the order of ``forward``'s arguments and results, and a
submodule ``network``, the part that a lower precision may change; all else (geometry, decoding) stays float32.

- ``top_down_graph``   keypoints in boxes: crop, normalisation, network, flip test, decoding, back to the image
- ``crops_graph``      the same without the crop, for formats whose sizes are fixed
- ``centernet_graph``, ``keypoint_rcnn_graph``   boxes and keypoints in whole images, suppression and thresholds inside
- ``rtmdet_graph``     boxes in whole images
- ``whole_image``      the inputs and outputs of these three
- ``top_down_facts``   what of a config the graph needs to know: crop, decoding, flip test
- ``affine_crop``, ``canvas_crop``   crops as the test pipelines cut them, by ``bilinear``
- ``letterbox``        whole images in the input of a network, as ``ImageAffine`` does; ``area`` averages over areas
- ``decoding``         from a head's outputs to places and scores, batched
- ``pixel_network``    a trained network with its normalisation, and its outputs by name
- ``port``             one input or output

Adding a graph for another kind of model: a module with a class like ``TopDownGraph``, and a branch in
``apis.exporting.graphs``.
"""
