import csv
import logging
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpplugins.data.annotation_set import UNLABELLED
from kpplugins.data.rule import AppliedRule
from kpplugins.formats.deeplabcut.reader import is_deeplabcut, read_deeplabcut
from kpplugins.structures import BadInputError

CONFIG = """scorer: Ann
multianimalproject: false
bodyparts:
- snout
- leftear
- rightear
skeleton:
- [snout, leftear]
- [bodypart1, objectA]
"""
MULTI_CONFIG = """scorer: Ann
multianimalproject: true
bodyparts: MULTI!
individuals: [m1, m2]
multianimalbodyparts: [snout, tail]
uniquebodyparts: [corner]
skeleton: []
"""
HEADER = [
    ["scorer", *["Ann"] * 6],
    ["bodyparts", "snout", "snout", "leftear", "leftear", "rightear", "rightear"],
    ["coords", *["x", "y"] * 3],
]
ROWS = [
    ["labeled-data/my film/img0.png", "10", "20", "50", "44", "", ""],
    ["labeled-data/my film/img1.png", "", "", "", "", "", ""],
    ["labeled-data/my film/img2.png", "1", "2", "30", "40", "200", "3"],
]


def write_csv(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Three frames of 100×80 of a film whose name has a space."""
    root = tmp_path / "project"
    folder = root / "labeled-data" / "my film"
    folder.mkdir(parents=True)
    (root / "config.yaml").write_text(CONFIG)
    for i in range(3):
        cv2.imwrite(str(folder / f"img{i}.png"), np.full((80, 100, 3), 127, np.uint8))
    write_csv(folder / "CollectedData_Ann.csv", HEADER + ROWS)
    return root


def labels(project: Path) -> Path:
    return project / "labeled-data" / "my film" / "CollectedData_Ann.csv"


def test_one_animal(project: Path, caplog: pytest.LogCaptureFixture):
    assert is_deeplabcut(project)
    with caplog.at_level(logging.WARNING):
        reading = read_deeplabcut(project)
    first, second = reading.records
    assert reading.schema.keypoints == ("snout", "leftear", "rightear")
    assert reading.schema.flip_pairs == (("leftear", "rightear"),)
    assert reading.schema.skeleton == (("snout", "leftear"),)
    assert "bodypart1" in caplog.text  # the template's line, left out aloud
    assert first.keypoints.tolist() == [[10, 20, 2], [50, 44, 2], [0, 0, 0]]
    assert first.bbox.tolist() == [6, 16, 54, 48]  # longer side 40, margin 4
    assert first.area == pytest.approx(0.53 * 48 * 32)
    assert second.keypoints[2].tolist() == [0, 0, 0]
    assert reading.rules[AppliedRule.KEYPOINT_OUTSIDE] == 1
    assert reading.backgrounds == [] and reading.notes.counts == {UNLABELLED: 1}
    assert "1 × image that nobody labelled, left out" in caplog.text
    negatives = read_deeplabcut(project, negatives=True)
    assert [p.path.name for p in negatives.backgrounds] == ["img1.png"] and not negatives.notes.counts
    assert first.category == "animal"


def test_the_configuration_may_be_named_itself(project: Path):
    assert is_deeplabcut(project / "config.yaml")
    assert len(read_deeplabcut(project / "config.yaml").records) == 2


def test_several_animals_and_unique_points_with_three_index_columns(project: Path):
    (project / "config.yaml").write_text(MULTI_CONFIG)
    who = ["m1"] * 4 + ["m2"] * 4 + ["single"] * 2
    part = ["snout", "snout", "tail", "tail"] * 2 + ["corner"] * 2
    head = [["scorer", "", "", *["Ann"] * 10], ["individuals", "", "", *who], ["bodyparts", "", "", *part]]
    place = ["labeled-data", "my film"]
    write_csv(
        labels(project),
        [
            *head,
            ["coords", "", "", *["x", "y"] * 5],
            [*place, "img0.png", "1", "2", "3", "4", "5", "6", "", "", "7", "8"],
            [*place, "img1.png", "", "", "", "", "9", "10", "11", "12", "", ""],
        ],
    )
    reading = read_deeplabcut(project)
    assert reading.schema.keypoints == ("snout", "tail", "corner")
    assert [(r.image.name, r.category) for r in reading.records] == [
        ("img0.png", "animal"), ("img0.png", "animal"), ("img0.png", "unique"), ("img1.png", "animal"),
    ]  # fmt: skip
    assert reading.records[0].keypoints.tolist() == [[1, 2, 2], [3, 4, 2], [0, 0, 0]]
    assert reading.records[1].keypoints.tolist() == [[5, 6, 2], [0, 0, 0], [0, 0, 0]]
    assert reading.records[2].keypoints.tolist() == [[0, 0, 0], [0, 0, 0], [7, 8, 2]]
    assert reading.records[3].keypoints.tolist() == [[9, 10, 2], [11, 12, 2], [0, 0, 0]]


def test_windows_paths_and_images_without_row(project: Path, caplog: pytest.LogCaptureFixture):
    row = [ROWS[0][0].replace("/", "\\"), *ROWS[0][1:]]
    write_csv(labels(project), [*HEADER, row])
    with caplog.at_level(logging.WARNING):
        assert len(read_deeplabcut(project).records) == 1
    assert "2 images have no row, left out" in caplog.text


def test_real_project(real_data: Path):
    source = real_data / "openfield_dlc"
    reading = read_deeplabcut(source)
    with next(source.glob("labeled-data/*/*.csv")).open() as file:
        rows = list(csv.reader(file))[3:]
    assert len(reading.records) == len(rows) == 116
    assert (
        sum(r.num_labelled for r in reading.records) == sum(c != "" for r in rows for c in r[1:]) // 2 == 464
    )
    assert reading.schema.keypoints == ("snout", "leftear", "rightear", "tailbase")
    assert reading.records[0].keypoints[0].tolist() == [21.521, 265.428, 2]
    assert (reading.records[0].width, reading.records[0].height) == (640, 480)


def test_the_real_h5_says_what_its_csv_says(real_data: Path, tmp_path: Path):
    pytest.importorskip("h5py")
    root = tmp_path / "p"
    shutil.copytree(real_data / "openfield_dlc", root)
    expected = read_deeplabcut(root)
    next(root.glob("labeled-data/*/*.csv")).unlink()
    got = read_deeplabcut(root)
    assert [r.image for r in got.records] == [r.image for r in expected.records]
    assert all((a.keypoints == b.keypoints).all() for a, b in zip(got.records, expected.records, strict=True))


@pytest.mark.parametrize("levels", [1, 3])
def test_an_h5_that_pandas_writes(project: Path, levels: int):
    pytest.importorskip("tables")
    pandas = pytest.importorskip("pandas")
    expected = read_deeplabcut(project)
    names = [row[0] for row in ROWS]
    index = names if levels == 1 else pandas.MultiIndex.from_tuples([n.split("/") for n in names])
    frame = pandas.DataFrame(
        [[float(c or "nan") for c in row[1:]] for row in ROWS],
        index=index,
        columns=pandas.MultiIndex.from_arrays([r[1:] for r in HEADER], names=[r[0] for r in HEADER]),
    )
    frame.to_hdf(str(labels(project).with_suffix(".h5")), key="df_with_missing", mode="w")
    labels(project).unlink()
    got = read_deeplabcut(project)
    assert [r.keypoints.tolist() for r in got.records] == [r.keypoints.tolist() for r in expected.records]
    assert [p.path.name for p in got.backgrounds] == ["img1.png"]


def test_an_h5_without_h5py_says_what_to_install(project: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    labels(project).rename(labels(project).with_suffix(".h5"))
    with pytest.raises(BadInputError, match=r"\.h5: .*needs h5py.*pip install 'kpplugins\[formats\]'"):
        read_deeplabcut(project)


def test_a_broken_h5_is_a_fault(project: Path):
    pytest.importorskip("h5py")
    labels(project).with_suffix(".h5").write_bytes(b"\x89HDF\r\n\x1a\nrest")
    labels(project).unlink()
    with pytest.raises(BadInputError, match=r"CollectedData_Ann\.h5: not a table of labels"):
        read_deeplabcut(project)


def changed(row: int, column: int, text: str) -> list[list[str]]:
    rows = [list(r) for r in HEADER + ROWS]
    rows[row][column] = text
    return rows


BAD_TABLES = {
    "empty": ([], "annotation is empty"),
    "no coords": (HEADER[:2], "has no header"),
    "other file": ([["a", "b"], ["1", "2"]], r"csv:1: has no header"),
    "likelihood": (changed(2, 2, "likelihood"), "other columns than points.*predictions"),
    "part twice": ([HEADER[0], ["bodyparts", *["snout"] * 4, "rightear", "rightear"], HEADER[2]], "twice.*snout"),
    "unknown part": (
        [HEADER[0], ["bodyparts", "snout", "snout", "leftear", "leftear", "nose", "nose"], *HEADER[2:]],
        "config.yaml does not name.*'nose'",
    ),
    "short header": ([HEADER[0][:3], *HEADER[1:]], "broken header"),
    "short row": ([*HEADER, ROWS[0][:4], *ROWS[1:]], r"csv:4: row has another length.*found 4 cells"),
    "text": (changed(3, 1, "ten"), r"csv:4: coordinate is wrong; expected a number.*'ten'"),
    "inf": (changed(3, 1, "inf"), r"csv:4: coordinate is wrong"),
    "half a point": (changed(3, 1, ""), r"csv:4: point has one coordinate only.*'snout'"),
    "missing image": (changed(3, 0, "labeled-data/my film/no.png"), r"csv:4: image is missing"),
    "absolute": (changed(3, 0, "/etc/passwd"), r"csv:4: image is named by an absolute path"),
    "drive": (changed(3, 0, "C:\\x.png"), r"csv:4: image is named by an absolute path"),
    "escaping": (changed(3, 0, "../../x.png"), r"csv:4: image lies outside"),
    "no name": (changed(3, 0, ""), r"csv:4: image has no usable name"),
    "twice": ([*HEADER, *ROWS, ROWS[0]], r"csv:7: image has two rows.*csv:4"),
    "all outside": (changed(3, 1, "-5")[:3] + [[ROWS[0][0], "-5", "1", *[""] * 4]], "every keypoint lies outside"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables(project: Path, name: str):
    rows, words = BAD_TABLES[name]
    write_csv(labels(project), rows)
    with pytest.raises(BadInputError, match=words) as caught:
        read_deeplabcut(project)
    assert "\n" not in str(caught.value)
    assert "--skip-bad" in str(caught.value)


def test_bad_rows_can_be_skipped(project: Path, caplog: pytest.LogCaptureFixture):
    write_csv(labels(project), changed(3, 1, "ten"))
    with caplog.at_level(logging.WARNING):
        assert [r.image.name for r in read_deeplabcut(project, skip_bad=True).records] == ["img2.png"]
    assert "skipped 1 of 2" in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "annotation is empty"),
        ("- a", "is not a mapping"),
        ("a: [", r"config\.yaml:\d+: not valid YAML"),
        ("a: !!timestamp x", "not valid YAML"),
        ("bodyparts: 7", "`bodyparts` is not a list"),
        ("bodyparts: [[a]]", "`bodyparts` is not a list"),
        ("bodyparts: []", "names no body parts"),
        ("bodyparts: [a, a]", "unique"),
    ],
)
def test_bad_configurations(project: Path, text: str, words: str):
    (project / "config.yaml").write_text(text)
    with pytest.raises(BadInputError, match=words) as caught:
        read_deeplabcut(project)
    assert "\n" not in str(caught.value)


def test_two_people_and_no_people(project: Path):
    labels(project).rename(labels(project).with_name("CollectedData_Bob.csv"))
    assert len(read_deeplabcut(project).records) == 2  # one other person's file will do
    shutil.copy(
        labels(project).with_name("CollectedData_Bob.csv"), labels(project).with_name("CollectedData_C.csv")
    )
    with pytest.raises(BadInputError, match="labelled by several people.*CollectedData_Ann.csv"):
        read_deeplabcut(project)
    for path in labels(project).parent.glob("*.csv"):
        path.unlink()
    with pytest.raises(BadInputError, match="no labelled frame here"):
        read_deeplabcut(project)
    assert not is_deeplabcut(project / "none")
    with pytest.raises(BadInputError, match="annotation is missing"):
        read_deeplabcut(project / "none")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 400), st.binary(max_size=6), st.booleans())
def test_changed_bytes_are_read_or_refused_in_one_line(project: Path, at: int, new: bytes, config: bool):
    path = project / "config.yaml" if config else labels(project)
    whole = path.read_bytes()
    at %= len(whole)
    path.write_bytes(whole[:at] + new + whole[at + len(new) :] if new else whole[:at])
    try:
        for record in read_deeplabcut(project).records:
            assert np.isfinite(record.keypoints).all()
    except BadInputError as error:
        assert "\n" not in str(error)
    finally:
        path.write_bytes(whole)
