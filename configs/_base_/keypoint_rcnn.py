"""torchvision's Keypoint R-CNN with ResNet-50 and FPN on any boxes and keypoints, from COCO's published weights."""

_base_ = "onestage_data.py"

max_epochs = 46  # this, the steps and the warm-up are those of torchvision's published weights
lr = 0.02  # for batches of 16 images; the Runner scales it to the batch size

distort = dict(type="PhotometricDistortion")
train_pipeline = [_base_.load, _base_.flip, distort, _base_.pack_trained]
train_dataloader = dict(batch_size=2, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(batch_size=1)
test_dataloader = dict(batch_size=1)

model = dict(
    type="KeypointRCNN",
    num_keypoints=None,  # these four are taken from the data
    num_classes=None,
    keypoint_names=None,
    class_names=None,
    weights="coco",
    data_preprocessor=dict(type="ImageListPreprocessor"),
    test_cfg=dict(score_thr=0.05, max_per_img=100),
)
optim_wrapper = dict(optimizer=dict(type="SGD", lr=lr, momentum=0.9, weight_decay=1e-4))
auto_scale_lr = dict(base_batch_size=16, enable=True)
warm_up = dict(type="LinearLR", start_factor=1e-3, by_epoch=False, begin=0, end=1000)
steps = dict(type="MultiStepLR", milestones=[36, 43], gamma=0.1, by_epoch=True, begin=0, end=max_epochs)
param_scheduler = [warm_up, steps]
train_cfg = dict(max_epochs=max_epochs)
