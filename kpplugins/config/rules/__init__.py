"""One object for each special name at the top of a config.

``rule`` is their base class, ``step_arguments`` that of names for arguments of pipeline steps; ``network`` and
``training`` hold the names about these; each other module is named after its special name. ``RULES`` is their order: a
rule that sets another name comes before that name's rule.

Adding a new special name: a class here, its place in ``RULES``, and a test of what it changes and what it leaves.
The table in docs/configs.md is made from ``name`` and ``goes_to``: run ``python tests/test_meta.py`` to regenerate it.
"""

from kpplugins.config.rules.box_augment import BoxAugment
from kpplugins.config.rules.box_padding import BoxPadding
from kpplugins.config.rules.codec import Codec
from kpplugins.config.rules.data_root import DataRoot
from kpplugins.config.rules.dataset_args import DatasetArgs
from kpplugins.config.rules.dataset_type import DatasetType
from kpplugins.config.rules.image_augment import ImageAugment
from kpplugins.config.rules.input_size import InputSize
from kpplugins.config.rules.keypoint_weights import KeypointWeights
from kpplugins.config.rules.keypoints import Keypoints
from kpplugins.config.rules.network import Backbone, BackboneWeights, NumStacks
from kpplugins.config.rules.pixels import Pixels
from kpplugins.config.rules.rule import Replaced, Rule
from kpplugins.config.rules.training import (
    Amp,
    BackboneLr,
    BatchSize,
    FeatureCache,
    Freeze,
    LastEpochs,
    LayerDecay,
    Lr,
    MaxEpochs,
    NumWorkers,
    Unfreeze,
)
from kpplugins.config.rules.vis_backends import VisBackends

RULES: tuple[type[Rule], ...] = (
    DatasetType, DatasetArgs, DataRoot, Keypoints, BoxPadding, BoxAugment, ImageAugment, NumStacks, Amp, InputSize,
    Codec, Backbone, BackboneWeights, Pixels, BatchSize, MaxEpochs, Lr, BackboneLr, LayerDecay, Freeze, FeatureCache,
    Unfreeze, LastEpochs, KeypointWeights, NumWorkers, VisBackends,
)  # fmt: skip

__all__ = ["RULES", "Replaced", "Rule"]
