"""Decoding each image once."""

from typing import Any

from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadCachedImage(LoadImage):
    """``LoadImage`` that keeps decoded images, up to ``cache_mb`` in each data worker.

    On few cores the data workers take their time from training, and a third of it goes into decoding the same JPEGs
    every epoch. What does not fit is decoded each time as before.

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
        """Put the image into ``results``; it is the caller's to change."""
        if "img" in results:  # a data set that holds its images
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
