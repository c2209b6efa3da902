"""CenterNet on a ResNet-18 from ImageNet with three up-convolutions, the small network of its paper: --data DIR."""

_base_ = "_base_/centernet.py"

data_root = "data/custom"

resnet = dict(type="ResNet", depth=18)  # for depth 50 set in_channels of the neck to 2048
imagenet = dict(type="Pretrained", checkpoint="torchvision://resnet18")
up = dict(num_deconv_filters=(256, 128, _base_.channels), num_deconv_kernels=(4, 4, 4), use_dcn=False)
neck = dict(type="mmdet.CTResNetNeck", in_channels=512, **up)
model = dict(backbone=dict(_delete_=True, **resnet, init_cfg=imagenet), neck=neck)
