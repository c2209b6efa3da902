"""The special names about training: length, batch size, learning rate, precision, and what of the model is trained."""

from kpplugins.config.rules.training.amp import Amp
from kpplugins.config.rules.training.batch_size import BatchSize
from kpplugins.config.rules.training.freeze import Freeze
from kpplugins.config.rules.training.lr import Lr
from kpplugins.config.rules.training.max_epochs import MaxEpochs

__all__ = ["Amp", "BatchSize", "Freeze", "Lr", "MaxEpochs"]
