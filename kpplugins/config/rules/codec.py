"""``codec``: how keypoints become targets, and outputs become keypoints."""

from typing import Any

from kpplugins.config.parts import codecs_of, step_paths
from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import is_type, same, value_at

_CUTS = ("TopdownAffine", "CropAroundKeypoints")
_SIZED = (*_CUTS, "ImageAffine", "RandomImageAffine", "BottomupRandomAffine", "BottomupResize")


class Codec(Rule):
    """The codec of pipelines and heads, with the input size that they share."""

    name = "codec"
    goes_to = (
        "`encoder`, `input_size` and `use_udp` in the pipelines, `decoder` (and `input_size`) of the head, `img_size` "
        "of a transformer, `test_cfg.shift_heatmap`"
    )
    opt_in = False

    def apply(self) -> None:
        """Set it at its places."""
        codecs = codecs_of(self.cfg)
        if not codecs:
            return
        last = codecs[-1]
        for path, step in step_paths(self.cfg):
            if is_type(step, "GenerateTarget") and "encoder" in step:
                self._put((*path, "encoder"), self.value, self.before)
        head = value_at(self.cfg, ("model", "head"))
        if isinstance(head, dict) and isinstance(head.get("decoder"), dict):
            before = [old[-1] if isinstance(old, (list, tuple)) else old for old in self.before]
            self._put(("model", "head", "decoder"), last, before)
        if last.get("input_size"):
            self._size(tuple(last["input_size"]), _is_udp(last))

    def _put(self, path: tuple[str | int, ...], value: Any, before: list[Any]) -> None:
        old = value_at(self.cfg, path)
        unfinished = old == {} or "_delete_" in (
            old or ()
        )  # MMEngine leaves the mark of one that replaces another
        if unfinished or self.inherited(path, *before):
            self.put(path, value)

    def _size(self, size: tuple[int, int], udp: bool) -> None:
        """Set what steps, head and backbone share with the codec."""
        lasts = [old[-1] if isinstance(old, (list, tuple)) else old for old in self.before]
        sizes = [value_at(old, ("input_size",)) for old in lasts]
        for path, step in step_paths(self.cfg):
            place = (*path, "input_size")
            if not is_type(step, *_SIZED) or not self.inherited(place, *sizes):
                continue
            if "input_size" in step:
                self.put(place, size)
            if is_type(step, *_CUTS) and bool(step.get("use_udp")) != udp:
                self.put((*path, "use_udp"), udp)
        self._resize_head(size, sizes)
        maps = value_at(self.cfg, ("model", "head", "out_shape"))  # (h, w) of heatmaps, MSPN's
        before = [value_at(old, ("heatmap_size",)) for old in lasts]
        if maps and any(old and same(maps, old[::-1]) for old in before):
            self.put(("model", "head", "out_shape"), tuple(codecs_of(self.cfg)[-1]["heatmap_size"])[::-1])
        image = ("model", "backbone", "img_size")  # transformers have a position for every patch
        turned = [s[::-1] for s in sizes if s]
        if value_at(self.cfg, image) and self.inherited(image, *turned):
            self.put(image, size[::-1])
        shift = ("model", "test_cfg", "shift_heatmap")
        switched = any(_is_udp(old) != udp for old in lasts)
        if switched and value_at(self.cfg, shift) is not None and self.inherited(shift):
            self.put(shift, not udp)  # other heatmaps are half a pixel off when mirrored

    def _resize_head(self, size: tuple[int, int], before: list[Any]) -> None:
        """Resize heads that state the sizes of input and features, as SimCC's do, or of features alone, as DSNT's."""
        place, features = ("model", "head", "input_size"), ("model", "head", "in_featuremap_size")
        own, maps = value_at(self.cfg, place), value_at(self.cfg, features)
        old = own or next((s for s in before if s), None)
        if not old or same(old, size) or not self.inherited(place if own else features, *before):
            return
        if own:
            self.put(place, size)
        if maps:
            pairs = zip(maps, size, old, strict=True)
            self.put(features, tuple(round(n * new / was) for n, new, was in pairs))


def _is_udp(codec: Any) -> bool:
    return is_type(codec, "UDPHeatmap")
