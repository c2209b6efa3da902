"""The recipes that can be recommended, and what each of them needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kpplugins.apis.recommending.machine_facts import MachineFacts

TOP_DOWN, ONE_STAGE = "top-down", "one-stage"
Size = tuple[int, int]


@dataclass(frozen=True)
class ShippedRecipe:
    """One of the configs that the package brings.

    Attributes:
        name: of the config, without its ending.
        kind: ``TOP_DOWN`` or ``ONE_STAGE``.
        input_size: (width, height) of the network's input.
        multiply_adds: of a forward pass of one image at that size.
        efficiency: images a second in training × ``multiply_adds`` ÷ ``MachineFacts.rate``, measured on one core.
        batch: images in a batch.
        samples: augmented images it must see before it is better than the recipes after it in ``SHIPPED``.
        images: different images that it needs for that.
        pretrained: it is meant to start from weights that somebody published.
        resizable: its input may have other sizes, multiples of 64.
        own: configs of the same network for a dataset class's own files, by the class's name.
    """

    name: str
    kind: str
    input_size: Size
    multiply_adds: float
    efficiency: float
    batch: int
    samples: int = 0
    images: int = 0
    pretrained: bool = False
    resizable: bool = False
    own: Mapping[str, str] = field(default_factory=dict)

    def speed(self, machine: MachineFacts, size: Size | None = None) -> float:
        """Estimate how many images it trains on in a second of the machine's clock.

        Args:
            machine: where.
            size: of the input; ``None`` for its own.

        Returns:
            Images a second: the machine's measured rate over the multiply-adds, times the measured efficiency.
        """
        return self.efficiency * machine.rate / self.cost(size or self.input_size)

    def cost(self, size: Size) -> float:
        """Return the multiply-adds of a forward pass at another size.

        Args:
            size: (width, height).

        Returns:
            Those at its own size times the ratio of the areas.
        """
        return self.multiply_adds * (size[0] * size[1]) / (self.input_size[0] * self.input_size[1])

    def config_of(self, dataset_type: str) -> str:
        """Return the config for a dataset class.

        Args:
            dataset_type: the class.

        Returns:
            ``kpplugins::NAME.py``.
        """
        return f"kpplugins::{self.own.get(dataset_type, self.name)}.py"


_CATS = "CatDataset"
SHIPPED = (
    ShippedRecipe("custom_rtmpose_m", TOP_DOWN, (192, 256), 1.90e9, 0.2, 32, 30_000, 100, pretrained=True),
    ShippedRecipe("custom_rtmpose_s", TOP_DOWN, (192, 256), 0.66e9, 0.2, 32, 20_000, 50, pretrained=True),
    ShippedRecipe("custom_rtmpose_t", TOP_DOWN, (192, 256), 0.342e9, 0.2, 32, 10_000, 20, pretrained=True),
    ShippedRecipe(
        "custom_hourglass", TOP_DOWN, (256, 256), 8.37e9, 0.7, 32, 100_000, 300,
        own={_CATS: "cat_hourglass", "CocoPersonDataset": "coco_hourglass"},
    ),
    ShippedRecipe(
        "custom_hourglass_small", TOP_DOWN, (128, 128), 0.138e9, 0.3, 16, resizable=True,
        own={_CATS: "cat_hourglass_sample", "KaggleFacialDataset": "facial_heatmap"},
    ),
    ShippedRecipe(
        "custom_centernet_resnet18", ONE_STAGE, (256, 256), 3.71e9, 0.65, 16, 5_000, 50, pretrained=True,
        resizable=True,
    ),
    ShippedRecipe("custom_centernet", ONE_STAGE, (256, 256), 1.466e9, 0.48, 8, resizable=True),
)  # fmt: skip
"""Of each kind the most accurate first, if it has what it needs; the last of each kind needs nothing.

The shipped recipes that are not here are never the best choice: `custom_hrnet_w32`, `custom_simplebaseline_r50` and
`custom_vitpose_s` reach on COCO what RTMPose does with a third of the operations (MMPose's model zoo);
`facial_*_fc` are behind `facial_heatmap` at the same budget (docs/recipes/kaggle_faces.md).
"""
