"""The stand-in for xtcocotools: values by hand, and pycocotools as the oracle where both mean the same."""

import contextlib
import copy
import io
import json
import pickle

import numpy as np
import pytest

from kpplugins.compat.xtcocotools import mask as mask_api
from kpplugins.compat.xtcocotools.coco import COCO
from kpplugins.compat.xtcocotools.cocoeval import COCOeval, Params
from kpplugins.compat.xtcocotools.plain_coco import plain_ground_truth, plain_result

K = 3
SIGMAS = np.array([0.05, 0.08, 0.1])
PARTS = ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")


def person(id_, image_id, shift=0.0, visibility=(2, 2, 2), **more):
    """A person of 100 x 100 pixels with three keypoints on a diagonal."""
    points = [
        (10 + shift, 10, visibility[0]),
        (50 + shift, 50, visibility[1]),
        (90 + shift, 90, visibility[2]),
    ]
    ann = {"id": id_, "image_id": image_id, "category_id": 1, "iscrowd": 0, "bbox": [0, 0, 100, 100]}
    ann |= {"area": 5000.0, "keypoints": [value for point in points for value in point]}
    return ann | {"num_keypoints": sum(v > 0 for v in visibility)} | more


def result(ann, score, dx=0.0):
    """The keypoints of an annotation as a result, moved ``dx`` pixels to the right."""
    keypoints = np.array(ann["keypoints"], dtype=float).reshape(-1, 3)
    keypoints[:, 0] += dx
    keypoints[:, 2] = 1
    ids = {"image_id": ann["image_id"], "category_id": ann["category_id"]}
    return ids | {"keypoints": keypoints.reshape(-1).tolist(), "score": score}


def dataset(anns, **image):
    ids = sorted({ann["image_id"] for ann in anns})
    images = [{"id": id_, "width": 640, "height": 480, **image} for id_ in ids]
    return {"images": images, "annotations": anns, "categories": [{"id": 1, "name": "person"}]}


def evaluate(gt, dt, iou_type="keypoints", sigmas=SIGMAS, use_area=True):
    coco = COCO(gt)
    lines: list[str] = []
    coco_eval = COCOeval(coco, coco.loadRes(dt), iou_type, sigmas, use_area, write=lines.append)
    coco_eval.evaluate()
    coco_eval.accumulate()
    coco_eval.summarize()
    return coco_eval, lines


def random_dataset(seed, num_images=25, categories=(1, 2)):
    """Random people and results with ties in score, crowds, unlabelled people and false alarms."""
    rng = np.random.default_rng(seed)
    anns, dts = [], []
    for image_id in range(num_images):
        for _ in range(rng.integers(0, 5)):
            x, y, w, h = rng.uniform(5, 250, 4).round(2).tolist()
            points = np.c_[
                rng.uniform(x, x + w, K), rng.uniform(y, y + h, K), rng.choice([0, 1, 2], K)
            ].round(2)
            ann = {"id": len(anns) + 1, "image_id": image_id, "category_id": int(rng.choice(categories))}
            ann |= {
                "bbox": [x, y, w, h],
                "area": w * h * rng.uniform(0.3, 1),
                "iscrowd": int(rng.random() < 0.1),
            }
            ann |= {"keypoints": points.reshape(-1).tolist()}
            ann |= {"num_keypoints": int(np.count_nonzero(points[:, 2]))}
            anns.append(ann)
            for _ in range(rng.integers(0, 4)):
                dt = result(ann, round(float(rng.random()), 1))
                noise = rng.normal(0, 0.04 * (w + h), 3 * K) * rng.random()
                noise[2::3] = 0
                dts.append(dt | {"keypoints": (np.array(dt["keypoints"]) + noise).tolist()})
    return dataset(anns) | {"categories": [{"id": c, "name": str(c)} for c in categories]}, dts


def oracle(gt, dt, tmp_path, iou_type="keypoints"):
    """Stats and precision table of pycocotools."""
    pycoco = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval as Oracle

    path = tmp_path / "gt.json"
    path.write_text(json.dumps(gt))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = pycoco.COCO(str(path))
        coco_eval = Oracle(coco, coco.loadRes([dict(ann) for ann in dt]), iou_type)
        coco_eval.params.kpt_oks_sigmas = SIGMAS
        coco_eval.evaluate()
        coco_eval.accumulate()
        coco_eval.summarize()
    return coco_eval


@pytest.mark.parametrize("iou_type", ["keypoints", "bbox"])
@pytest.mark.parametrize("seed", range(4))
def test_equals_pycocotools(seed, iou_type, tmp_path):
    gt, dt = random_dataset(seed)
    expected = oracle(gt, dt, tmp_path, iou_type)
    got, lines = evaluate(gt, dt, iou_type)
    np.testing.assert_array_equal(got.stats, expected.stats)
    for table in ("precision", "recall", "scores"):
        np.testing.assert_array_equal(got.eval[table], expected.eval[table])
    assert len(lines) == len(got.stats) == len(got.stats_names)


def test_segm_equals_pycocotools(tmp_path):
    polygon = [[10, 10, 60, 10, 60, 60, 10, 60]]
    gt = dataset([person(1, 0, segmentation=polygon), person(2, 1, segmentation=polygon)])
    rle = mask_api.frPyObjects([[12, 10, 62, 10, 62, 60, 12, 60]], 480, 640)[0]
    dt = [{"image_id": 0, "category_id": 1, "score": 0.9, "segmentation": rle}]
    np.testing.assert_allclose(evaluate(gt, dt, "segm")[0].stats, oracle(gt, dt, tmp_path, "segm").stats)


def test_oks_by_hand():
    # All keypoints are off by d = 10 px; OKS = mean of exp(-d² / (2 * area * (2 sigma)²)), area = 5000 px²:
    # 100 / (2 * 5000 * 0.01)   = 1      -> exp(-1)      = 0.367879
    # 100 / (2 * 5000 * 0.0256) = 0.3906 -> exp(-0.3906) = 0.676634
    # 100 / (2 * 5000 * 0.04)   = 0.25   -> exp(-0.25)   = 0.778801;  mean = 0.607771
    ann = person(7, 3)
    gt, dt = dataset([ann]), [result(ann, 0.5, dx=10)]
    # the thresholds 0.50, 0.55 and 0.60 are passed, 3 of 10
    got, _ = evaluate(gt, dt)
    assert dict(zip(got.stats_names, got.stats, strict=True))["AP"] == pytest.approx(0.3)
    # without areas: 100 * 100 * 0.53 = 5300 px² instead of 5000
    for use_area, area in ((True, 5000), (False, 5300)):
        oks = np.exp(-100 / (2 * area * (2 * SIGMAS) ** 2)).mean()
        assert use_area is False or oks == pytest.approx(0.607771, abs=1e-6)
        coco = COCO(gt)
        coco_eval = COCOeval(coco, coco.loadRes(dt), "keypoints", SIGMAS, use_area)
        coco_eval.params.iouThrs = np.array([oks - 1e-9, oks + 1e-9])
        coco_eval.evaluate()
        coco_eval.accumulate()
        assert coco_eval.eval["recall"][:, 0, 0, 0].tolist() == [1, 0]


def test_use_area_false_needs_no_area_and_sorts_by_box():
    # 40 x 40 px² box: 1600 px² would be medium (> 32² = 1024), 0.53 * 1600 = 848 is neither medium nor large
    ann = person(1, 0, bbox=[0, 0, 40, 40])
    del ann["area"]
    gt = dataset([ann])
    stats = evaluate(gt, [result(ann, 1.0)], use_area=False)[0].stats
    np.testing.assert_allclose(stats, [1, 1, 1, -1, -1, 1, 1, 1, -1, -1])
    with pytest.raises(ValueError, match="has no 'area'.*use_area=False"):
        evaluate(gt, [result(ann, 1.0)])


def test_unlabelled_people_are_ignored_whatever_num_keypoints_says():
    people = [person(1, 0), person(2, 0, visibility=(0, 0, 0), num_keypoints=3)]
    assert evaluate(dataset(people), [result(people[0], 0.9)])[0].stats[0] == pytest.approx(1.0)


def test_results_without_positive_keypoint_scores_do_not_count():
    ann = person(1, 0)
    silent = result(ann, 0.99, dx=300)
    silent["keypoints"][2::3] = [0, 0, 0]
    # the false alarm with the best score would halve the precision
    assert evaluate(dataset([ann]), [silent, result(ann, 0.5)])[0].stats[0] == pytest.approx(1.0)


def test_annotation_id_zero_can_be_matched():
    ann = person(0, 0)
    assert evaluate(dataset([ann]), [result(ann, 1.0)])[0].stats[0] == pytest.approx(1.0)


def test_string_ids_and_inputs_unchanged():
    ann = person("a", "image")
    gt, dt = dataset([ann]), [result(ann, 1.0)]
    before = json.dumps([gt, dt], sort_keys=True)
    assert evaluate(gt, dt)[0].stats[0] == pytest.approx(1.0)
    assert json.dumps([gt, dt], sort_keys=True) == before


@pytest.mark.parametrize("part", ["body", "foot", "face", "lefthand", "righthand", "wholebody"])
def test_whole_body_parts(part):
    keys = (
        PARTS
        if part == "wholebody"
        else (dict(zip(("body", "foot", "face", "lefthand", "righthand"), PARTS, strict=True))[part],)
    )
    ann = person(1, 0)
    ann |= {key: person(1, 0, shift=7 * i)["keypoints"] for i, key in enumerate(PARTS)}
    dt = result(ann, 0.5)
    # results are perfect in the parts that are judged, and far off in the others
    for key in PARTS:
        moved = np.array(ann[key], dtype=float) + (0 if key in keys else 200)
        moved[2::3] = 1
        dt[key] = moved.tolist()
    sigmas = np.tile(SIGMAS, len(keys))
    assert evaluate(dataset([ann]), [dt], f"keypoints_{part}", sigmas)[0].stats[0] == pytest.approx(1.0)
    if part != "wholebody":
        for key in keys:
            dt[key] = (np.array(dt[key]) + 200).tolist()
        assert evaluate(dataset([ann]), [dt], f"keypoints_{part}", sigmas)[0].stats[0] == pytest.approx(0.0)


def test_part_scores_are_preferred():
    ann = person(1, 0) | {"foot_kpts": person(1, 0)["keypoints"]}
    dt = result(ann, 0.5) | {"foot_kpts": result(ann, 0)["keypoints"], "foot_score": 0.75, "id": 1}
    assert plain_result(dt, "keypoints_foot", K)["score"] == 0.75
    assert plain_result(dt, "keypoints_body", K)["score"] == 0.5


def test_crowdpose_splits():
    people = [person(1, 0), person(2, 1), person(3, 2), person(4, 3)]
    gt = dataset(people)
    for image, crowd_index in zip(gt["images"], (0.1, 0.2, 0.79, 0.8), strict=True):
        image["crowdIndex"] = crowd_index
    # found: image 0 (easy) and 1 (medium); not found: 2 (medium) and 3 (hard)
    got, lines = evaluate(gt, [result(people[0], 0.9), result(people[1], 0.8)], "keypoints_crowd")
    stats = dict(zip(got.stats_names, got.stats, strict=True))
    # one of two found: precision 1 up to recall 0.5, that is at 51 of the 101 recall steps: 0.50495, rounded
    assert (stats["AP(E)"], stats["AP(M)"], stats["AP(H)"]) == (1.0, 0.505, 0.0)
    assert stats["AR"] == pytest.approx(0.5)
    assert sum("type=" in line for line in lines) == 3
    # the tables of all images stay readable after the splits were judged
    assert len(got.params.imgIds) == 4
    assert got.eval["recall"].max() == pytest.approx(0.5)


def test_crowdpose_empty_split_and_missing_crowd_index():
    ann = person(1, 0)
    got, _ = evaluate(dataset([ann], crowdIndex=0.5), [result(ann, 0.9)], "keypoints_crowd")
    np.testing.assert_allclose(got.stats[-3:], [-1, 1, -1])
    with pytest.raises(KeyError, match="crowdIndex"):
        evaluate(dataset([ann]), [result(ann, 0.9)], "keypoints_crowd")


def test_crowdpose_ignores_people_by_num_keypoints():
    ann = person(1, 0, visibility=(1, 1, 1), num_keypoints=0)
    assert plain_ground_truth(ann, "keypoints_crowd", True, K)["num_keypoints"] == 0
    assert plain_ground_truth(ann, "keypoints", True, K)["num_keypoints"] == 3


def test_results_as_list_array_and_file(tmp_path):
    ann = person(1, 0)
    coco = COCO(dataset([ann]))
    path = tmp_path / "results.json"
    path.write_text(json.dumps([result(ann, 0.5)]))
    for loaded in (coco.loadRes(str(path)), coco.loadRes(path), coco.loadRes([result(ann, 0.5)])):
        (dt,) = loaded.loadAnns(loaded.getAnnIds())
        # around the keypoints (10, 10) … (90, 90)
        assert (dt["id"], dt["bbox"], dt["area"]) == (1, [10, 10, 80, 80], 6400)
    boxes = coco.loadRes(np.array([[0, 10, 20, 30, 40, 0.5, 1]]))
    (dt,) = boxes.loadAnns(boxes.getAnnIds())
    assert (dt["bbox"], dt["area"], dt["score"], dt["category_id"]) == ([10, 20, 30, 40], 1200, 0.5, 1)
    assert coco.loadRes([]).getAnnIds() == []


def test_empty_results_give_zero():
    np.testing.assert_allclose(evaluate(dataset([person(1, 0)]), [])[0].stats[[0, 5]], 0)


def test_subsets_of_images_and_one_class():
    people = [person(1, 0), person(2, 1, category_id=2)]
    gt = dataset(people) | {"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}
    coco = COCO(gt)
    coco_eval = COCOeval(
        coco, coco.loadRes([result(people[0], 1.0)]), "keypoints", SIGMAS, write=lambda line: None
    )
    coco_eval.params.imgIds = [0]
    coco_eval.evaluate()
    coco_eval.accumulate()
    coco_eval.summarize()
    assert coco_eval.stats[0] == pytest.approx(1.0)
    wrong_class = result(people[0], 1.0) | {"category_id": 2}
    coco_eval = COCOeval(coco, coco.loadRes([wrong_class]), "keypoints", SIGMAS, write=lambda line: None)
    coco_eval.params.imgIds, coco_eval.params.useCats = [0], 0
    coco_eval.evaluate()
    coco_eval.accumulate()
    coco_eval.summarize()
    assert coco_eval.stats[0] == pytest.approx(1.0)


def test_coco_index(tmp_path):
    people = [person(5, 2), person(3, 1, iscrowd=1, area=10.0), person(4, 1, category_id=2)]
    del people[2]["iscrowd"]
    gt = dataset(people) | {"categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], "info": {}}
    path = tmp_path / "gt.json"
    path.write_text(json.dumps(gt))
    coco = COCO(str(path))
    assert coco.anno_file == [str(path)]
    assert coco.getImgIds() == [1, 2]
    assert coco.getImgIds(catIds=2) == [1]
    assert coco.getAnnIds(imgIds=1) == [3, 4]
    assert coco.getAnnIds(imgIds=[2, 1]) == [5, 3, 4]
    assert coco.getAnnIds(imgIds=1, iscrowd=False) == [4]
    assert coco.getAnnIds(catIds=[1], areaRng=[10, 11]) == [3]
    assert coco.getCatIds(catNms=["b"]) == [2]
    assert coco.loadImgs(1)[0]["width"] == 640
    assert coco.loadAnns(np.array([5]))[0]["image_id"] == 2
    assert COCO().getImgIds() == []
    assert COCO(dict(gt), test_index=[2, 0]).anns[5]["keypoints"] == [90, 90, 2, 10, 10, 2]


def test_masks_round_trip():
    mask = np.zeros((48, 64), dtype=np.uint8)
    mask[10:20, 5:30] = 1  # 10 x 25 = 250 pixels
    rle = mask_api.encode(np.asfortranarray(mask))
    np.testing.assert_array_equal(mask_api.decode(rle), mask)
    assert mask_api.area(rle) == 250
    np.testing.assert_allclose(mask_api.toBbox(rle), [5, 10, 25, 10])
    polygons = mask_api.frPyObjects([[5, 10, 30, 10, 30, 20, 5, 20]], 48, 64)
    np.testing.assert_array_equal(mask_api.decode(mask_api.merge(polygons)), mask)
    gt = dataset([person(1, 0, segmentation=[[5, 10, 30, 10, 30, 20, 5, 20]])])
    coco = COCO(gt)
    assert coco.annToMask(coco.anns[1]).sum() == 250


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Params("keypoints_ear"), ValueError, "iouType must be one of"),
        (lambda: COCO(dataset([person(1, 0)])).loadRes("x" and {"a": 1}), TypeError, "expected results"),
        (
            lambda: COCO(dataset([person(1, 0)])).loadRes([result(person(1, 9), 1)]),
            ValueError,
            "not in the annotations",
        ),
        (lambda: COCO(dataset([person(1, 0)])).loadRes(np.zeros((2, 6))), ValueError, r"\[N, 7\]"),
        (lambda: evaluate(dataset([person(1, 0)]), [], sigmas=None), ValueError, "17 sigmas"),
        (lambda: COCOeval().summarize(), RuntimeError, "call evaluate"),
        (lambda: COCOeval().accumulate(), RuntimeError, "call evaluate"),
        (lambda: COCOeval().evaluate(), RuntimeError, "both cocoGt and cocoDt"),
    ],
)
def test_errors_say_what_is_wrong(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_annotation_file_that_holds_a_list(tmp_path):
    path = tmp_path / "results.json"
    path.write_text("[]")
    with pytest.raises(TypeError, match="loadRes"):
        COCO(path)


def test_summary_is_printed_by_default(capsys):
    ann = person(1, 0)
    coco = COCO(dataset([ann]))
    coco_eval = COCOeval(coco, coco.loadRes([result(ann, 1.0)]), "keypoints", SIGMAS)
    coco_eval.evaluate()
    coco_eval.accumulate()
    coco_eval.summarize()
    first = capsys.readouterr().out.splitlines()[0]
    assert first == " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets= 20 ] =  1.000"


def test_only_summarize_prints_and_copies_work(capfd):
    gt, dt = random_dataset(0)
    coco_eval, lines = evaluate(gt, dt)
    copied = pickle.loads(pickle.dumps(copy.deepcopy(coco_eval.cocoGt)))
    assert copied.dataset == coco_eval.cocoGt.dataset
    coco_eval.params.iouThrs, coco_eval.params.maxDets = np.array([0.3, 0.9]), [7]
    coco_eval.evaluate()
    coco_eval.accumulate()
    assert capfd.readouterr() == ("", "") and len(lines) == 10
    pickle.loads(pickle.dumps(coco_eval.eval["precision"]))


def test_other_settings_equal_pycocotools(tmp_path):
    pycoco = pytest.importorskip("pycocotools.coco")
    from pycocotools.cocoeval import COCOeval as Oracle

    gt, dt = random_dataset(3)
    path = tmp_path / "gt.json"
    path.write_text(json.dumps(gt))
    tables = []
    with contextlib.redirect_stdout(io.StringIO()):
        for index, evaluator in ((pycoco.COCO(str(path)), Oracle), (COCO(gt), COCOeval)):
            one = evaluator(index, index.loadRes([dict(ann) for ann in dt]), "keypoints")
            one.sigmas = one.params.kpt_oks_sigmas = SIGMAS
            one.params.iouThrs, one.params.maxDets = np.array([0.3, 0.9]), [1, 2]
            one.params.areaRng, one.params.areaRngLbl = [[0, 1e10], [0, 9000]], ["all", "small"]
            one.params.imgIds = sorted(index.getImgIds())[::2]
            one.evaluate()
            one.accumulate()
            tables.append(one.eval)
    for name in ("precision", "recall", "scores"):
        np.testing.assert_array_equal(tables[0][name], tables[1][name])
