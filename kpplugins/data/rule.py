"""The rules that readers apply to annotations."""

from enum import Enum


class AppliedRule(Enum):
    """A rule that was applied to an annotation; its value says what was done, in words for reports and warnings."""

    KEYPOINT_OUTSIDE = "keypoint outside its image, taken as absent"
    KEYPOINT_MOVED = "keypoint on the image's edge, moved to its last pixel"
    KEYPOINT_IN_SEVERAL_BOXES = "keypoint inside several boxes, given to the smallest"
    KEYPOINT_OUTSIDE_CROP = "keypoint outside its crop, taken as absent"
    OCCLUDED_BY_LABEL = "label that ends in -occluded, taken as the keypoint before it, occluded"
    BOX_WITHOUT_SIZE = "box without width or height, taken as not given"
    BOX_DERIVED = "box derived from the keypoints"
    BOX_SMALL = "box around keypoints without extent, a square"
    BOX_CUT = "box reaches beyond its image, cut to it"
    BOX_ALONE = "box without keypoints, kept as an unlabelled instance"
    AREA_DERIVED = "area not given, taken as 0.53 of the box's"
    SHAPE_IGNORED = "shape that is neither a keypoint nor a box, ignored"
    BOX_OF_SCALE = "box made from a person's position and scale"
    HEAD_LEFT_OUT = "box of a head, which COCO keypoints cannot hold, left out"
    OCCLUSION_OF_WHOLE = "instance marked as occluded without saying which keypoints, all taken as visible"
    EXIF_TURNED = "annotation made before the image's EXIF orientation was applied, turned"
    EXIF_KEPT = "annotation made after the image's EXIF orientation was applied, as its size tells"
    EXIF_FOLLOWED = (
        "annotation of an image whose EXIF orientation keeps its size, turned as the source's others are"
    )
    EXIF_UNKNOWN = (
        "annotation of an image with an EXIF orientation and no size that tells, taken as made after it"
    )
    RESCALED = "annotation of an image of another size, scaled"
    CROP_WIDENED = "crop widened to labelled keypoints outside it"
