"""Gated-skip hourglass at 256×256."""

_base_ = "topdown.py"

channels = 256  # features of every hourglass
num_stacks = 1  # 1, 2, 4 or 8; the time grows in proportion
codec = dict(_delete_=True, type="UDPHeatmap", input_size=(256, 256), heatmap_size=(64, 64), sigma=2)

model = dict(
    backbone=dict(_delete_=True, type="HourglassStem", channels=channels),
    head=dict(
        _delete_=True,
        type="GatedHourglassHead",
        in_channels=channels,
        out_channels=None,  # taken from the dataset's schema
        num_stacks=num_stacks,
        decoder=codec,
    ),
    test_cfg=dict(shift_heatmap=False),
)  # UDP needs no shift
