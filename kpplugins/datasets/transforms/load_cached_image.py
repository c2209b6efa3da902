"""Decoding each image once."""

from typing import Any

from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadCachedImage(LoadImage):
    """``LoadImage`` with a cache of decoded images, up to ``cache_mb`` in each data worker.

    With few cores, data workers compete with training, and a third of their time goes into decoding the same JPEGs
    every epoch. Images that do not fit are decoded each time.

    Required key: ``img_path``. Added keys: ``img`` (H, W, 3) BGR uint8, ``img_shape``, ``ori_shape`` (h, w).

    Args:
        cache_mb: megabytes of images to keep in each worker.
        **kwargs: see MMPose's ``LoadImage``.
    """

    def __init__(self, cache_mb: float = 256, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.free = int(cache_mb * 1e6)
        self.kept: dict[str, Any] = {}

    def transform(self, results: dict) -> dict | None:
        """Put the image into ``results``; the caller may modify it."""
        if "img" in results:  # a dataset that holds its images
            return super().transform(results)
        path = results["img_path"]
        if path in self.kept:
            image = self.kept[path].copy()
            results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
            return results
        results = super().transform(results)
        if results is not None and results["img"].nbytes <= self.free:
            self.free -= results["img"].nbytes
            self.kept[path] = results["img"].copy()
        return results
