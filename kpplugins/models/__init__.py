"""Network parts, registered in MMPose's ``MODELS``.

The map: ``blocks`` (residual blocks and one hourglass; plain ``nn.Module``s), ``backbones`` (``HourglassStem``,
``EncoderDecoder``), ``heads`` (``GatedHourglassHead``, ``DirectFCHead``), ``data_preprocessors``
(``TopdownDataPreprocessor``, fast for stacked crops).

Adding a new head: subclass MMPose's ``BaseHead``, give it ``out_channels`` (K; ``None`` in a config is filled from the
dataset's schema) and a ``decoder`` codec, register it, import it here.
"""

from kpplugins.models.backbones.encoder_decoder import EncoderDecoder
from kpplugins.models.backbones.hourglass_stem import HourglassStem
from kpplugins.models.data_preprocessors.topdown_data_preprocessor import TopdownDataPreprocessor
from kpplugins.models.heads.direct_fc_head import DirectFCHead
from kpplugins.models.heads.gated_hourglass_head import GatedHourglassHead

__all__ = [
    "DirectFCHead",
    "EncoderDecoder",
    "GatedHourglassHead",
    "HourglassStem",
    "TopdownDataPreprocessor",
]
