"""The special names about training: its length, learning rate, precision, and what of the model is trained."""

from kpplugins.config.rules.training.amp import Amp
from kpplugins.config.rules.training.freeze import Freeze
from kpplugins.config.rules.training.lr import Lr
from kpplugins.config.rules.training.max_epochs import MaxEpochs

__all__ = ["Amp", "Freeze", "Lr", "MaxEpochs"]
