import numpy as np

from kpplugins.datasets.transforms.boxes_for_detection import BoxesForDetection


def test_boxes_get_mmdetections_names_and_points_go():
    given = {
        "img_id": 3,
        "id": np.array([1, 2]),
        "bbox": np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32),
        "category_id": np.array([2, 1]),
        "iscrowd": np.array([0, 1]),
        "keypoints": np.zeros((2, 3, 2)),
        "raw_ann_info": [{"id": 1}, {"id": 2}],
    }
    result = BoxesForDetection()(given)
    assert result["gt_bboxes"].tensor.tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert result["gt_bboxes_labels"].tolist() == [1, 0] and result["gt_bboxes_labels"].dtype == np.int64
    assert result["gt_ignore_flags"].tolist() == [False, True]
    assert set(result) == {"img_id", "gt_bboxes", "gt_bboxes_labels", "gt_ignore_flags", "raw_ann_info"}


def test_a_background_has_no_boxes_and_a_image_to_predict_in_stays():
    none = dict(bbox=np.zeros((0, 4), np.float32), category_id=np.zeros(0, int), iscrowd=np.zeros(0, int))
    assert BoxesForDetection()(none)["gt_bboxes"].tensor.shape == (0, 4)
    assert BoxesForDetection()({"img_path": "a"}) == {"img_path": "a"}
