"""Decoding each image once."""

import logging
from typing import Any

import numpy as np
from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS

from kpplugins.data.images import FEWEST_LEVELS, as_bgr, read_pixels
from kpplugins.data.pixel_rule import PixelRule
from kpplugins.datasets.shared_images import SharedImages
from kpplugins.datasets.transforms.image_affine import REDUCED_FROM, ImageAffine, reduced
from kpplugins.structures import BadInputError

logger = logging.getLogger(__name__)
_CHANNELS = 3


@TRANSFORMS.register_module()
class LoadCachedImage(LoadImage):
    """``LoadImage`` with a cache of decoded images, up to ``cache_mb``, and a rule for deep images.

    With few cores, data workers compete with training, and most of their time would go into decoding the same JPEGs
    every epoch. Data workers that are forked, as on Linux, share the cache: what one has decoded, none decodes again.
    Images that do not fit are decoded each time.

    Required key: ``img_path``, or ``img`` of a dataset that holds its images. Added keys: ``img`` (H, W, 3) BGR uint8,
    ``img_shape``, ``ori_shape`` (h, w).

    Args:
        cache_mb: megabytes of images to keep, in each worker where workers are not forked.
        pixels: how images of more than 8 bits become 8 bits, a dict of ``PixelRule``'s arguments. Default: the range
            of their type.
        **kwargs: see MMPose's ``LoadImage``. With any of them, MMPose reads the file, and ``pixels`` must be left out.

    Raises:
        BadInputError: ``pixels`` is not a rule, or comes with MMPose's arguments.
    """

    def __init__(self, cache_mb: float = 512, pixels: dict | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.room = SharedImages(int(cache_mb * 1e6))
        self.kept: dict[str, tuple[np.ndarray, tuple[int, int]]] = {}
        self.said = False
        self.rule, self.own_arguments = PixelRule.of(pixels), bool(kwargs)
        if pixels is not None and kwargs:
            raise BadInputError(
                "MMPose's way to read images knows no `pixels`", where="LoadCachedImage", found=", ".join(kwargs),
                todo="leave one of them out",
            )  # fmt: skip

    def transform(self, results: dict) -> dict | None:
        """Put the image into ``results``; the caller may modify it."""
        if "img" in results:  # a dataset that holds its images
            if not self.own_arguments:
                results["img"] = as_bgr(results["img"], str(results.get("img_path", "")), self.rule)
            return super().transform(results)
        return self._loaded(results, copied=True)

    def shared(self, results: dict) -> dict | None:
        """Put the image into ``results`` as ``transform`` does, but not to be written to: it may be the kept one."""
        return self.transform(results) if "img" in results else self._loaded(results, copied=False)

    def reduced(self, results: dict, affine: ImageAffine) -> dict | None:
        """Put the image into ``results`` as ``shared`` does, but reduced as far as ``affine`` reduces it in any case.

        Of an image of 1920×1080 that becomes 320×192, a sixteenth is kept, so that more of them fit.
        """
        if "img" in results or self.own_arguments:
            return self.shared(results)
        path = results["img_path"]
        name = f"{path}\0{affine.input_size}\0{affine.largest_zoom()}"
        image, whole = self._found(name) or (self._read(path), None)
        if whole is None:
            whole = image.shape[:2]
            image = reduced(image, affine.least_shrink(whole[1], whole[0]))
            self._keep(name, image, whole)
        results.update(img=image, img_shape=whole, ori_shape=whole)
        results[REDUCED_FROM] = whole
        return results

    def _found(self, name: str) -> tuple[np.ndarray, tuple[int, int]] | None:
        """Return a kept image, and the size of the whole one."""
        found = self.kept.get(name) or self.room.get(name)
        if found is not None:
            self.kept[name] = found
        return found

    def _keep(self, name: str, image: np.ndarray, whole: tuple[int, int]) -> None:
        """Keep an image if there is room for it."""
        if image.dtype == np.uint8 and image.shape[2:] == (_CHANNELS,):
            kept = self.room.put(name, image, whole)
            if kept is not None:
                self.kept[name] = kept, whole

    def _loaded(self, results: dict, copied: bool) -> dict | None:
        path = results["img_path"]
        found = self._found(path)
        if found is not None:
            return self._with(results, found[0].copy() if copied else found[0])
        if self.own_arguments:
            loaded = super().transform(results)
            if loaded is None:
                return None
            results = loaded
        else:
            results = self._with(results, self._read(path))
        self._keep(path, results["img"], results["img"].shape[:2])
        return results

    def _read(self, path: str) -> np.ndarray:
        """Read an image; say once if hardly any grey level of a deep one is left."""
        try:
            pixels = read_pixels(path)
        except BadInputError as error:
            todo = "fetch it again, or skip bad files with --skip-bad"
            raise BadInputError(error.what, where=path, todo=todo) from error
        image = as_bgr(pixels, path, self.rule)
        if pixels.dtype != np.uint8 and not self.said and int(image.max()) - int(image.min()) < FEWEST_LEVELS:
            self.said = True
            logger.warning(
                "%s: of its values %g to %g (%s) only %d to %d of 0 to 255 are left; to do: --percentile 1 99, or "
                "--pixel-range LOW HIGH; `kpplugins dataset check` counts such images",
                path, pixels.min(), pixels.max(), pixels.dtype, image.min(), image.max(),
            )  # fmt: skip
        return image

    @staticmethod
    def _with(results: dict, image: Any) -> dict:
        results.update(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        return results
