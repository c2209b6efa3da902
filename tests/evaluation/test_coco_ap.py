"""Names and lines of COCO's numbers."""

from kpplugins.evaluation.coco_ap import BOX_LINES, COCO_BOX_KEYS, COCO_KEYS, KEYPOINT_LINES, coco_lines


def test_every_number_has_a_line():
    assert [line[0] for line in KEYPOINT_LINES] == list(COCO_KEYS)
    assert [line[0] for line in BOX_LINES] == list(COCO_BOX_KEYS)


def test_the_twelve_lines_of_boxes_read_as_cocos():
    lines = coco_lines(dict.fromkeys(COCO_BOX_KEYS, 0.5), BOX_LINES).splitlines()
    assert len(lines) == 12
    assert lines[1] == " Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.500"
    assert lines[3] == " Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.500"
    assert lines[6] == " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.500"
    assert lines[11] == " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.500"
