"""What is named at the top of a config reaches every place that follows from it."""

from pathlib import Path

import pytest
from mmpose.registry import MODELS

from kpplugins.config.load import datasets_of, load_config, schema_of, work_dir_of
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError

COCO_BASES = (
    "td-hm_hourglass52_8xb32-210e_coco-256x256.py",
    "td-hm_res50_8xb64-210e_coco-256x192.py",
    "td-hm_hrnet-w32_8xb64-210e_coco-256x192.py",
)


@pytest.fixture
def child(root: Path, tmp_path: Path):
    """Write a child of configs/cat_hourglass.py with one more line, and load it."""

    def write(line: str, base: str = "cat_hourglass.py", **kwargs):
        path = tmp_path / "child.py"
        path.write_text(f"_base_ = '{root / 'configs' / base}'\n{line}\n")
        return load_config(path, **kwargs)

    return write


def test_the_head_is_sized_by_the_dataset(child):
    assert child("").model.head.out_channels == 9
    assert child("keypoints = ['left_eye', 'right_eye', 'mouth']").model.head.out_channels == 3


def test_a_subset_of_points_is_one_line(child):
    cfg = child("keypoints = ['left_eye', 'right_eye', 'mouth']")
    assert [list(d.keypoints) for _, d in datasets_of(cfg)] == [["left_eye", "right_eye", "mouth"]] * 3
    assert schema_of(cfg).flip_indices == [1, 0, 2]


def test_half_of_a_flip_pair_is_trained_and_tested_without_flips(child):
    cfg = child("keypoints = ['left_eye', 'mouth']")
    assert "RandomFlip" not in [s.type for s in cfg.train_dataloader.dataset.pipeline]
    assert not cfg.model.test_cfg.flip_test
    whole = child("keypoints = ['left_eye', 'right_eye']")
    assert "RandomFlip" in [s.type for s in whole.train_dataloader.dataset.pipeline]
    assert whole.model.test_cfg.flip_test


def test_a_wrapped_dataset_gets_the_codec_too(child):
    cfg = child(
        "input_size = (192, 192)\n"
        "train_dataloader = dict(dataset=dict(_delete_=True, type='RepeatDataset', times=2, dataset=dict(\n"
        "    type='CatDataset', data_root='x', pipeline=[dict(type='TopdownAffine', input_size=(256, 256))])))"
    )
    assert cfg.train_dataloader.dataset.dataset.pipeline[0].input_size == (192, 192)


def test_heads_that_state_their_input_size_follow(root: Path, tmp_path: Path):
    path = tmp_path / "simcc.py"
    path.write_text(
        "_base_ = 'mmpose::body_2d_keypoint/simcc/coco/simcc_res50_8xb64-210e_coco-256x192.py'\n"
        "input_size = (192, 192)\n"
    )
    head = load_config(path).model.head
    assert (head.input_size, head.in_featuremap_size) == ((192, 192), (6, 6))


def test_another_input_size_is_one_line(child):
    cfg = child("input_size = (192, 192)")
    assert cfg.codec.heatmap_size == (48, 48)
    assert cfg.codec.sigma == 1.5  # 2 · 192 / 256
    assert cfg.model.head.decoder == cfg.codec
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        steps = {s.type: s for s in cfg[loader].dataset.pipeline}
        assert steps["TopdownAffine"].input_size == (192, 192)
        assert steps["TopdownAffine"].use_udp
    assert {s.type: s for s in cfg.train_dataloader.dataset.pipeline}["GenerateTarget"].encoder == cfg.codec


def test_another_codec_reaches_pipelines_and_decoder(child):
    cfg = child(
        "codec = dict(_delete_=True, type='MSRAHeatmap', input_size=(256, 256), heatmap_size=(64, 64), sigma=2)"
    )
    steps = {s.type: s for s in cfg.train_dataloader.dataset.pipeline}
    assert (cfg.model.head.decoder.type, steps["GenerateTarget"].encoder.type) == (
        "MSRAHeatmap",
        "MSRAHeatmap",
    )
    assert not steps["TopdownAffine"].get("use_udp")
    assert cfg.model.test_cfg.shift_heatmap  # half a pixel, that UDP does without
    assert not child("").model.test_cfg.shift_heatmap


def test_data_root_of_a_child_reaches_every_dataset(child):
    assert {d.data_root for _, d in datasets_of(child("data_root = 'elsewhere'"))} == {"elsewhere"}


def test_dataset_args_reach_every_dataset(child):
    cfg = child("dataset_args = dict(ratios=(50, 25, 25))")
    assert [tuple(d.ratios) for _, d in datasets_of(cfg)] == [(50, 25, 25)] * 3


def test_another_length_of_training_is_one_line_and_schedules_follow(child):
    cfg = child("max_epochs = 48", "cat_hourglass_sample.py")  # the sample's one-cycle schedule is 24 long
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler.total_steps) == (48, 48)
    warm_up, steps = child("max_epochs = 21").param_scheduler
    # MMPose's own: warm-up in iterations, then steps at 170 and 200 of 210
    assert (warm_up.end, steps.milestones, steps.end) == (500, [17, 20], 21)
    assert child("max_epochs = 75", "coco_centernet_hg104.py").param_scheduler.milestones == [
        65
    ]  # 130 of 150
    with pytest.raises(BadInputError, match="max_epochs must be a whole number"):
        child("max_epochs = 0.5")


def test_data_of_the_command_line_goes_over_it(child):
    cfg = child("data_root = 'elsewhere'", data="/there")
    assert {d.data_root for _, d in datasets_of(cfg)} == {"/there"}


def test_data_moves_annotation_files_of_evaluators_along(root: Path, tmp_path: Path):
    path = tmp_path / "coco.py"
    path.write_text(f"_base_ = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/{COCO_BASES[1]}'\n")
    cfg = load_config(path, data="/there")
    assert cfg.val_evaluator.ann_file == "/there/annotations/person_keypoints_val2017.json"
    assert cfg.val_dataloader.dataset.bbox_file.startswith("/there/person_detection_results/")
    assert cfg.model.head.out_channels == schema_of(cfg).num_keypoints == 17


def test_datasets_with_roots_of_their_own_keep_them(child):
    differing = "val_dataloader = dict(dataset=dict(data_root='b'))"
    assert {d.data_root for _, d in datasets_of(child(differing))} == {"data/cat", "b"}
    # one that was given another root on purpose keeps it; those that have it from the top follow the top
    assert {d.data_root for _, d in datasets_of(child(differing + "\ndata_root = 'c'"))} == {"b", "c"}
    every = "; ".join(
        f"{s}_dataloader = dict(dataset=dict(data_root='{s}'))" for s in ("train", "val", "test")
    )
    assert {d.data_root for _, d in datasets_of(child(every))} == {"train", "val", "test"}


@pytest.mark.parametrize("coco", COCO_BASES)
def test_the_base_is_exchanged_by_one_line(root: Path, tmp_path: Path, coco: str):
    """The one `_base_` line of configs/_base_/topdown.py takes any of MMPose's top-down COCO configs."""
    text = (root / "configs/_base_/topdown.py").read_text()
    assert text.count(COCO_BASES[0]) == 1
    path = tmp_path / "cat.py"
    data_half = str(root / "configs/_base_/custom_data.py")
    path.write_text(text.replace(COCO_BASES[0], coco).replace("custom_data.py", data_half))
    cfg = load_config(path, cfg_options={"model.backbone.init_cfg": None}, schema=CAT_SCHEMA)
    model = MODELS.build(cfg.model)
    assert model.head.out_channels == 9
    assert tuple(cfg.train_dataloader.dataset.pipeline[-3].input_size) == tuple(cfg.codec.input_size)


def test_a_mismatch_names_both_places_and_both_numbers(child):
    words = r"model\.head\.out_channels and train_dataloader\.dataset.*found 17 \(GatedHourglassHead\) and 9 \(Cat"
    with pytest.raises(BadInputError, match=words):
        child("model = dict(head=dict(out_channels=17))")


def test_datasets_that_disagree_name_both(child):
    with pytest.raises(
        BadInputError, match=r"train_dataloader\.dataset and val_dataloader.*9 \(.*1 \(mouth\)"
    ):
        child("val_dataloader = dict(dataset=dict(keypoints=['mouth']))")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "trian_dataloader = dict(batch_size=4)",
            r"child\.py:2: unknown config key 'trian_dataloader'.*'train_dataloader'",
        ),
        ("keypoint = ['mouth']", "unknown config key 'keypoint'.*'keypoints'"),
        ("keypoints = ['tail']", "unknown keypoint 'tail'.*left_eye"),
        ("train_dataloader = dict(", "not Python"),
        ("train_dataloader = dict(dataset=dict(type='CatDatset'))", "unknown dataset 'CatDatset'"),
    ],
)
def test_faults_of_a_config_are_one_line(child, line: str, words: str):
    with pytest.raises(BadInputError, match=words) as caught:
        child(line)
    assert "\n" not in str(caught.value)


def test_a_name_that_the_config_itself_uses_is_fine(child):
    assert child("epochs = 3\ntrain_cfg = dict(max_epochs=epochs)").train_cfg.max_epochs == 3


def test_a_missing_config_and_a_missing_base(tmp_path: Path):
    with pytest.raises(BadInputError, match="no such config"):
        load_config(tmp_path / "gone.py")
    (tmp_path / "a.py").write_text("_base_ = 'gone.py'\n")
    with pytest.raises(BadInputError, match=r"a\.py: config cannot be read"):
        load_config(tmp_path / "a.py")


def test_an_unknown_option_is_refused(child):
    with pytest.raises(
        BadInputError, match="--cfg-options trian_cfg.max_epochs: unknown config key 'trian_cfg'.*'train_cfg'"
    ):
        child("", cfg_options={"trian_cfg.max_epochs": 3})


def test_an_option_that_comes_too_late_is_refused(root: Path):
    with pytest.raises(BadInputError, match="--cfg-options channels: channels would change nothing"):
        load_config(root / "configs/cat_hourglass_sample.py", cfg_options={"channels": 32})


def test_an_option_that_nothing_reads_is_told(root: Path, caplog: pytest.LogCaptureFixture):
    load_config(root / "configs/cat_hourglass_sample.py", cfg_options={"note": 2})
    assert "--cfg-options note: nothing here reads it" in caplog.text


def test_a_pipeline_that_would_reach_no_loader_is_refused(child):
    with pytest.raises(
        BadInputError,
        match=r"child\.py:2: train_pipeline would change nothing.*hourglass52.*has built its own",
    ):
        child("train_pipeline = []")


@pytest.mark.parametrize("line", ["find_unused_parameters = True", "compile = False", "sync_bn = 'torch'"])
def test_what_the_runner_reads_by_itself_is_known(child, line: str):
    assert line.split(" ")[0] in child(line)


def test_skip_bad_reaches_every_dataset(child):
    assert all(d.skip_bad for _, d in datasets_of(child("", skip_bad=True)))


def test_the_work_dir_is_named_after_the_config(child):
    assert work_dir_of(child("")) == Path("work_dirs/child")
    assert child("", work_dir="/tmp/x").work_dir == "/tmp/x"


def test_openmmlabs_own_spelling_of_the_length_counts_too(child):
    small = "cat_hourglass_sample.py"
    for cfg in (
        child("train_cfg = dict(max_epochs=50)", small),
        child("", small, cfg_options={"train_cfg.max_epochs": 50}),
        child("", small, cfg_options={"max_epochs": 50}),
    ):
        assert (cfg.train_cfg.max_epochs, cfg.param_scheduler.total_steps) == (50, 50)
    with pytest.raises(BadInputError, match="disagree.*24 and 50"):
        child("max_epochs = 24\ntrain_cfg = dict(max_epochs=50)")


def test_a_schedule_that_a_child_writes_for_its_length_stays(child):
    schedule = "[dict(type='LinearLR', begin=0, end=4, by_epoch=True, start_factor=0.1)]"
    lines = f"max_epochs = 10\nparam_scheduler = {schedule}"
    cfg = child(lines)
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler[0].end) == (10, 4)
    cfg = child(lines, cfg_options={"max_epochs": 20})
    assert (cfg.train_cfg.max_epochs, cfg.param_scheduler[0].end) == (20, 8)
    cfg = child(lines, cfg_options={"max_epochs": 1})
    assert cfg.param_scheduler[0].end == 1  # never before it begins


def test_a_dataset_with_an_argument_or_a_root_of_its_own_keeps_it(child):
    cfg = child(
        "dataset_args = dict(ratios=(1, 1, 1))\ntest_dataloader = dict(dataset=dict(ratios=(0, 0, 1)))"
    )
    assert [tuple(d.ratios) for _, d in datasets_of(cfg)] == [(1, 1, 1), (1, 1, 1), (0, 0, 1)]
    cfg = child("data_root = 'c'\ntest_dataloader = dict(dataset=dict(data_root='/o', ann_file='/o/x.json'))")
    assert cfg.test_dataloader.dataset.ann_file == "/o/x.json"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dataset_args = 'all'", "dataset_args: must be a dict"),
        ("input_size = 128", r"expected \(width, height\)"),
    ],
)
def test_values_of_a_wrong_kind(child, line: str, words: str):
    with pytest.raises(BadInputError, match=words):
        child(line)


def test_padding_and_augmentation_of_boxes_are_one_line_each(child):
    cfg = child("box_padding = 1.0\nbox_augment = dict(rotate_factor=30)")
    for loader in ("train_dataloader", "val_dataloader", "test_dataloader"):
        steps = {s.type: s for s in cfg[loader].dataset.pipeline}
        assert steps["GetBBoxCenterScale"].padding == 1.0
    assert {s.type: s for s in cfg.train_dataloader.dataset.pipeline}[
        "RandomBoxTransform"
    ].rotate_factor == 30
    with pytest.raises(BadInputError, match="box_padding: not a number"):
        child("box_padding = 'much'")
