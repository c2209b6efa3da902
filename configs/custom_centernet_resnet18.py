"""CenterNet on a ResNet-18 of ImageNet with three up-convolutions, the small network of its paper; --data DIR."""

_base_ = "_base_/centernet.py"

data_root = "data/custom"

resnet = dict(type="ResNet", depth=18)  # 50 has 2048 channels at its end instead of 512
imagenet = dict(type="Pretrained", checkpoint="torchvision://resnet18")
up = dict(num_deconv_filters=(256, 128, _base_.channels), num_deconv_kernels=(4, 4, 4), use_dcn=False)
neck = dict(type="mmdet.CTResNetNeck", in_channels=512, **up)
model = dict(backbone=dict(_delete_=True, **resnet, init_cfg=imagenet), neck=neck)
