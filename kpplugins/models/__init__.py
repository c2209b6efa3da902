"""Network parts, registered in MMPose's ``MODELS``.

The map: ``blocks`` (residual blocks and one hourglass; plain ``nn.Module``s), ``backbones`` (``HourglassStem``,
``EncoderDecoder``, ``GatedHourglass``; ``TimmBackbone`` and ``TorchvisionBackbone`` for networks of these
libraries), ``heads`` (``GatedHourglassHead``, ``DirectFCHead``, ``CenterNetPoseHead``),
``losses`` (CenterNet's, and OKS for any schema), ``detectors`` (``KeypointRCNN``), ``data_preprocessors``
(``TopdownDataPreprocessor``, fast for stacked images; ``ImageListPreprocessor``, for images of different sizes).

Adding a new head: subclass MMPose's ``BaseHead``, give it ``out_channels`` (K; ``None`` in a config is filled from the
dataset's schema) and a ``decoder`` codec, register it, import it here.
"""

from kpplugins.models.backbones.encoder_decoder import EncoderDecoder
from kpplugins.models.backbones.gated_hourglass import GatedHourglass
from kpplugins.models.backbones.hourglass_stem import HourglassStem
from kpplugins.models.backbones.timm_backbone import TimmBackbone
from kpplugins.models.backbones.torchvision_backbone import TorchvisionBackbone
from kpplugins.models.data_preprocessors.image_list_preprocessor import ImageListPreprocessor
from kpplugins.models.data_preprocessors.topdown_data_preprocessor import TopdownDataPreprocessor
from kpplugins.models.detectors.keypoint_rcnn import KeypointRCNN
from kpplugins.models.heads.centernet_pose_head import CenterNetPoseHead
from kpplugins.models.heads.direct_fc_head import DirectFCHead
from kpplugins.models.heads.gated_hourglass_head import GatedHourglassHead
from kpplugins.models.losses.schema_oks_loss import SchemaOKSLoss
from kpplugins.models.losses.schema_pose_oks import SchemaPoseOKS

__all__ = [
    "CenterNetPoseHead",
    "DirectFCHead",
    "EncoderDecoder",
    "GatedHourglass",
    "GatedHourglassHead",
    "HourglassStem",
    "KeypointRCNN",
    "ImageListPreprocessor",
    "SchemaOKSLoss",
    "SchemaPoseOKS",
    "TimmBackbone",
    "TopdownDataPreprocessor",
    "TorchvisionBackbone",
]
