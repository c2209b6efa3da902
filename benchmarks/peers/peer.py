"""A program that is compared, and the list of them."""

from dataclasses import dataclass, field

GIVEN, FOUND = "given", "found"
"""Where boxes come from: the truth's, one prediction each; or nowhere, the method finds the instances."""


@dataclass(frozen=True)
class Peer:
    """A method, and what it takes to run it.

    Attributes:
        name: of its row and of its folder.
        program: file in ``programs``; empty if nobody has written it, and only the installation is tried.
        words: what it is, for the page.
        boxes: ``GIVEN`` or ``FOUND``.
        packages: what pip installs into its environment; none: the project's own environment is used.
        shown: names of the distributions whose versions the page states.
        arguments: entries of the task that only this program reads.
    """

    name: str
    program: str
    words: str
    boxes: str
    packages: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    arguments: dict[str, str] = field(default_factory=dict)


PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "mean_keypoints",
            "mean_keypoints.py",
            "every keypoint at its mean place in the box: what a method has to beat",
            GIVEN,
        ),
        Peer(
            "kpplugins_hourglass",
            "recipe.py",
            "`configs/custom_hourglass_small.py`",
            GIVEN,
            shown=("kpplugins",),
            arguments={"config": "custom_hourglass_small.py"},
        ),
        Peer(
            "mmpose",
            "plain_mmpose.py",
            "MMPose's `td-hm_mobilenetv2_8xb64-210e_coco-256x192` at 128×128 in MMEngine's Runner",
            GIVEN,
            shown=("mmpose", "onedl-mmengine"),
        ),
        Peer(
            "kpplugins_centernet",
            "recipe.py",
            "`configs/custom_centernet.py`",
            FOUND,
            shown=("kpplugins",),
            arguments={"config": "custom_centernet.py"},
        ),
        Peer(
            "ultralytics",
            "ultralytics_pose.py",
            "`yolo26n-pose.yaml`, its own time budget (`time=`), its defaults",
            FOUND,
            packages=("ultralytics",),
            shown=("ultralytics",),
            arguments={"model": "yolo26n-pose.yaml"},
        ),
        Peer(
            "torchvision",
            "torchvision_rcnn.py",
            "`keypointrcnn_resnet50_fpn`, optimizer, schedule and flips of torchvision's reference training",
            FOUND,
            shown=("torchvision",),
        ),
        Peer(
            "sleap",
            "sleap_unet.py",
            "SLEAP's U-Net (`sleap-nn`): single instance where every image has one, else bottom-up",
            FOUND,
            packages=("sleap-nn",),
            shown=("sleap-nn", "sleap-io"),
        ),
        Peer(
            "lightning_pose",
            "",
            "nobody has written its program",
            FOUND,
            packages=("lightning-pose",),
            shown=("lightning-pose",),
        ),
        Peer(
            "deeplabcut",
            "",
            "nobody has written its program; it starts from ImageNet weights that it downloads",
            FOUND,
            packages=("deeplabcut",),
            shown=("deeplabcut",),
        ),
    )
}
"""The methods by name, in the order of the table."""
