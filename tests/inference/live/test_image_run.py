"""Images of every kind, good and bad."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from kpplugins.formats.frames.predicted_frames import PredictedFrames
from kpplugins.inference.live.image_run import predict_images
from kpplugins.inference.live.run_report import RunReport
from kpplugins.inference.live.run_settings import RunSettings
from kpplugins.structures import BadInputError, IncompleteInputError


def square(width: int = 60, height: int = 40) -> np.ndarray:
    image = np.full((height, width), 40, np.uint8)
    image[10:20, 30:50] = 255
    return image


@pytest.fixture
def kinds(tmp_path: Path) -> dict[str, Path]:
    """The same square in images of many kinds."""
    folder = tmp_path / "photos"
    folder.mkdir()
    grey = square()
    colour = Image.fromarray(grey).convert("RGB")
    colour.save(folder / "colour.png")
    Image.fromarray(grey).save(folder / "grey.png")
    cv2.imwrite(str(folder / "deep.png"), grey.astype(np.uint16) * 257)
    colour.convert("RGBA").save(folder / "alpha.png")
    colour.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter: what is stored is the scene turned back
    colour.transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", exif=exif, quality=95)
    return {path.stem: path for path in folder.iterdir()}


def test_every_kind_of_image(finder, kinds: dict[str, Path], tmp_path: Path):
    out = tmp_path / "out"
    report = predict_images(
        finder(), list(kinds.values()), list(kinds), RunSettings(out, formats=("json", "csv"))
    )
    assert report.frames == 6 and not report.faults
    for name, path in kinds.items():
        content = json.loads((out / f"{name}.json").read_text())
        assert (content["image"], content["width"], content["height"]) == (path.name, 60, 40), name
        found = np.array(content["instances"][0]["keypoints"])[:, :2]
        np.testing.assert_allclose(found, [[30, 10], [49, 19]], atol=1.5, err_msg=name)
        assert cv2.imread(str(out / path.name)).shape == (40, 60, 3)
    frames = PredictedFrames(out / "predictions.jsonl")
    assert [f["image"] for f in frames] == [p.name for p in kinds.values()] and frames.whole
    assert (out / "predictions.csv").read_text().count("\n") == 1 + 2 * 6


def test_the_smallest_and_a_large_one(finder, tmp_path: Path):
    """12,000 × 9,000 pixels; most of the time goes into writing the test's own file."""
    small, large = tmp_path / "small.png", tmp_path / "large.jpg"
    cv2.imwrite(str(small), np.zeros((1, 1, 3), np.uint8))
    image = np.full((9000, 12000), 40, np.uint8)
    image[5000:5010, 11000:11020] = 255
    cv2.imwrite(str(large), image)

    class Shrunk(finder):
        def __call__(self, image, boxes=None):
            return super().__call__(image[4990:5020, 10990:11030] if len(image) > 1000 else image)

    report = predict_images(Shrunk(), [small, large], ["small", "large"], RunSettings(tmp_path / "out"))
    assert report.frames == 2 and not report.faults
    assert json.loads((tmp_path / "out/large.json").read_text())["width"] == 12000
    assert json.loads((tmp_path / "out/small.json").read_text())["instances"] == []


def test_bad_ones_do_not_stop_the_rest(
    finder, kinds: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    bad = {"empty": b"", "text": b"no image", "half": kinds["colour"].read_bytes()[:90]}
    for name, content in bad.items():
        (tmp_path / f"{name}.png").write_bytes(content)
    files = [
        kinds["grey"],
        *(tmp_path / f"{name}.png" for name in bad),
        tmp_path / "gone.png",
        kinds["alpha"],
    ]
    out = tmp_path / "out"
    report = predict_images(
        finder(), files, [f.stem for f in files], RunSettings(out, formats=("json", "coco"))
    )
    assert report.frames == 2 and len(report.faults) == 4 and caplog.text.count("bad: ") == 4
    assert {p.name for p in out.iterdir()} == {
        "grey.json", "grey.png", "alpha.json", "alpha.png", "predictions.jsonl", "predictions_coco.json",
        "predictions_coco_results.json",
    }  # fmt: skip
    lines = list(PredictedFrames(out / "predictions.jsonl"))
    assert [("fault" in line, line["image"]) for line in lines] == [
        (f not in (files[0], files[-1]), f.name) for f in files
    ]
    with pytest.raises(
        IncompleteInputError, match=r"empty.png: .*; found .*and 3 more: .*text.png.*--skip-bad"
    ) as caught:
        report.require_whole()
    assert caught.value.status == 1
    nothing = predict_images(finder(), files[1:3], ["empty", "text"], RunSettings(tmp_path / "none"))
    with pytest.raises(BadInputError) as caught:
        nothing.require_whole()
    assert caught.value.status == 2


def test_boxes_outside_are_the_fault_of_that_image(finder, kinds: dict[str, Path], tmp_path: Path):
    cv2.imwrite(str(tmp_path / "wide.png"), square(200))
    settings = RunSettings(tmp_path / "out", np.array([[100, 0, 150, 40.0]]))
    report = predict_images(finder(), [kinds["grey"], tmp_path / "wide.png"], ["grey", "wide"], settings)
    assert report.frames == 1 and "grey.png: a box lies outside the image" in str(report.faults[0])
    assert not (tmp_path / "out/grey.json").exists() and (tmp_path / "out/wide.json").exists()


def test_what_a_report_says():
    report = RunReport(3, 1.5, [Path("a")])
    report += RunReport(1, 0.5, [Path("b")], [BadInputError("bad")], ["note"])
    assert report.words == "4 frames in 2.0 s, 2.0 frames/s, 2 files written, 1 bad" and report.notes == [
        "note"
    ]
    RunReport().require_whole()
