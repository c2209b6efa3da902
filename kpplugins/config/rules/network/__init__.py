"""The special names about the network: its backbone, that backbone's weights, and stacks."""

from kpplugins.config.rules.network.backbone import Backbone
from kpplugins.config.rules.network.backbone_weights import BackboneWeights
from kpplugins.config.rules.network.num_stacks import NumStacks

__all__ = ["Backbone", "BackboneWeights", "NumStacks"]
