"""The special names about training: length, batch size, learning rate, precision, and what of the model is trained."""

from kpplugins.config.rules.training.amp import Amp
from kpplugins.config.rules.training.backbone_lr import BackboneLr
from kpplugins.config.rules.training.batch_size import BatchSize
from kpplugins.config.rules.training.feature_cache import FeatureCache
from kpplugins.config.rules.training.freeze import Freeze
from kpplugins.config.rules.training.last_epochs import LastEpochs
from kpplugins.config.rules.training.layer_decay import LayerDecay
from kpplugins.config.rules.training.lr import Lr
from kpplugins.config.rules.training.max_epochs import MaxEpochs
from kpplugins.config.rules.training.num_workers import NumWorkers
from kpplugins.config.rules.training.unfreeze import Unfreeze

__all__ = [
    "Amp",
    "BackboneLr",
    "BatchSize",
    "FeatureCache",
    "Freeze",
    "LastEpochs",
    "LayerDecay",
    "Lr",
    "MaxEpochs",
    "NumWorkers",
    "Unfreeze",
]
