"""The page in a real Chromium: what is chosen is saved, and the saved file is read."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.curation.suspects.audit_page import write_audit_page
from kpplugins.curation.suspects.audit_report import AuditReport
from kpplugins.curation.suspects.evidence import Evidence
from kpplugins.curation.suspects.find import find_suspects
from kpplugins.data import ImageInfo
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.formats.open_source import open_source
from tests.chromium import Chromium, found_chromium

HTML = "<b>&'\".png"


@pytest.fixture
def audited(birds: Callable[..., Evidence], moved, tmp_path: Path) -> tuple[AuditReport, AnnotationSet]:
    """Thirty birds in a folder; of 3 left and right are exchanged, 7 has a wrong box and no beak."""

    def worse(record):
        keypoints = record.keypoints.copy()
        keypoints[0] = 0
        return replace(record, keypoints=keypoints, bbox=np.array([50.0, 50, 100, 110]))

    evidence = birds({3: moved(lambda keypoints: keypoints[[0, 2, 1, 4, 3]]), 7: worse}, number=30)
    folder = tmp_path / "birds"
    folder.mkdir()
    names = [HTML if i == 3 else f"bird{i}.png" for i in range(30)]
    for name in [*names, "empty.png"]:
        cv2.imwrite(str(folder / "image.png"), np.full((120, 120, 3), 90, np.uint8))
        (folder / "image.png").rename(folder / name)
    records = [replace(r, image=folder / n) for r, n in zip(evidence.records, names, strict=True)]
    evidence = replace(evidence, records=tuple(records))
    reading = AnnotationSet(evidence.schema, records, backgrounds=[ImageInfo(folder / "empty.png", 120, 120)])
    report = AuditReport(
        folder, "coco", "a <i>model</i>", evidence, tuple(find_suspects(evidence)), ("a note <i>",)
    )
    return report, reading


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Chromium]:
    if found_chromium() is None:
        pytest.skip("Chromium is not installed")
    browser = Chromium(tmp_path / "browser")
    yield browser
    browser.close()


def test_the_chosen_corrections_are_saved_as_coco_and_read_again(audited, chromium: Chromium, tmp_path: Path):
    report, reading = audited
    write_audit_page(report, reading, tmp_path / "audit.html")
    chromium.open((tmp_path / "audit.html").as_uri())
    cards = chromium.run("[...document.querySelectorAll('.card')].map(c => c.innerText)")
    kinds = [suspect.kind for suspect in report.suspects]
    assert len(cards) == len(kinds) and all(kind in text for kind, text in zip(kinds, cards, strict=True))
    assert any(HTML in text for text in cards) and "a <i>model</i>" in chromium.run("document.body.innerText")
    assert chromium.run("[...document.images].every(i => i.complete && i.naturalWidth > 100)")
    for i in (7, 3):
        for n, suspect in enumerate(report.suspects):
            if suspect.instance == i:
                chromium.click(f"document.querySelectorAll('.card input')[{n}]")
    number = sum(s.instance in (3, 7) for s in report.suspects)
    assert number >= 3 and chromium.run("document.getElementById('count').textContent") == str(number)
    for button, name, images in (("all", "corrected.json", 31), ("some", "corrections.json", 2)):
        chromium.click(f"document.getElementById('save-{button}')")
        saved = chromium.downloaded(name)
        _, again = open_source(saved, from_format="coco", images=report.source)
        assert len(again.records) + len(again.backgrounds) == images
        by_image = {record.image.name: record for record in again.records}
        first = next(s for s in report.suspects if s.instance == 3)
        assert np.abs(by_image[HTML].keypoints - first.proposal.keypoints).max() < 1e-2
        box = next(s for s in report.suspects if s.kind == "box")
        assert np.abs(by_image["bird7.png"].bbox - box.proposal.bbox).max() < 1e-2
        assert np.abs(by_image["bird7.png"].keypoints[0, :2] - report.evidence.predicted[7, 0]).max() < 1e-2
        assert again.schema.flip_pairs == reading.schema.flip_pairs
    assert chromium.faults == [] and all(not r.startswith("http") for r in chromium.requests)
    kept = {a["image_id"]: a for a in json.loads(saved.read_text())["annotations"]}
    assert {a["num_keypoints"] for a in kept.values()} == {5}


def test_without_suspects_and_without_images(audited, tmp_path: Path):
    report, reading = audited
    write_audit_page(replace(report, suspects=()), reading, tmp_path / "none.html")
    assert "No suspects were found." in (tmp_path / "none.html").read_text()
    for path in report.source.iterdir():
        path.unlink()
    write_audit_page(report, reading, tmp_path / "gone.html")
    text = (tmp_path / "gone.html").read_text()
    assert text.count("(no image to show)") == len(report.suspects) and "<i>model" not in text


def test_the_summary(audited):
    report, _ = audited
    text = report.text
    assert "30 labelled instances against a <i>model</i>" in text and "note: a note <i>" in text
    assert "sides-exchanged: 1 × left and right exchanged" in text
    content = report.to_json()
    assert content["kinds"]["box"] == 1 and len(content["suspects"]) == len(report.suspects)
    assert content["median error px"] == pytest.approx(1.18, abs=0.3)  # of two normal coordinates
