"""``backbone_weights``: the weights that the backbone starts from."""

from mmengine.config import ConfigDict

from kpplugins.config.rules.rule import Rule
from kpplugins.config.values import value_at
from kpplugins.structures import BadInputError

_PLACE = ("model", "backbone", "init_cfg")
_LIBRARIES = ("timm", "torchvision")


class BackboneWeights(Rule):
    """The file or address that the backbone is initialised from."""

    name = "backbone_weights"
    goes_to = (
        "`model.backbone.init_cfg`: the weights it starts from, a file (`.pth`, `.safetensors`), `hf://user/repo`, "
        "`torchvision:NAME`, `timm:NAME`, an address, or `False` for random ones"
    )
    needs = "a model with a backbone"

    def check(self) -> None:
        """Raise if the value is neither a text nor False."""
        if self.value is not False and not (isinstance(self.value, str) and self.value):
            raise BadInputError(
                "not weights", where="backbone_weights", found=repr(self.value),
                expected="a file, hf://user/repo, torchvision:NAME, timm:NAME, an address, or False",
            )  # fmt: skip

    def apply(self) -> None:
        """Set it in the backbone."""
        if not isinstance(value_at(self.cfg, _PLACE[:-1]), dict) or not self.inherited(_PLACE):
            return
        address = self.value
        if isinstance(address, str):
            library, colon, name = address.partition(":")
            if colon and library in _LIBRARIES and not name.startswith("//"):
                address = f"{library}://{name}"
        self.put(_PLACE, ConfigDict(type="Pretrained", checkpoint=address) if address else None)
