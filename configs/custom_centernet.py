"""CenterNet on any boxes and keypoints: --data DIR with the output of `kpplugins dataset convert`, or data_root."""

_base_ = "_base_/centernet.py"

data_root = "data/custom"
last_epochs = dict(share=0.2, image_augment=dict(zoom=(0.97, 1.03), shift=0.02))  # ends on images as they are tested
train_dataloader = dict(batch_size=8)
