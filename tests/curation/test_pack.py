"""A pack has everything that its folder has, or there is none."""

import hashlib
import json
import shutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from kpplugins.commands.dataset import main
from kpplugins.curation import pack as packing
from kpplugins.curation.convert import convert
from kpplugins.curation.pack import pack
from kpplugins.data.coco.reader import read_coco
from kpplugins.storage import files
from kpplugins.structures import BadInputError, MachineError

KINDS = ("zip", "lmdb", "tar")


@pytest.fixture(autouse=True)
def _packages() -> None:
    pytest.importorskip("lmdb")


def write_set(root: Path, names: list[str]) -> Path:
    """Noise images in the inner format, one instance each."""
    generator = np.random.default_rng(0)
    (root / "annotations").mkdir(parents=True)
    for split, chosen in (("train", names[:-1]), ("val", names[-1:])):
        images, annotations = [], []
        for name in chosen:
            number, path = names.index(name) + 1, root / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _, encoded = cv2.imencode(".png", generator.integers(0, 255, (40, 60, 3), dtype=np.uint8))
            path.write_bytes(encoded.tobytes())
            images.append({"id": number, "file_name": name, "width": 60, "height": 40})
            annotations.append({
                "id": number, "image_id": number, "category_id": 1, "bbox": [5, 5, 20, 20], "area": 400,
                "keypoints": [10, 10, 2, 20, 20, 1],
            })  # fmt: skip
        categories = [{"id": 1, "name": "cup", "keypoints": ["rim", "foot"]}]
        content = {"images": images, "annotations": annotations, "categories": categories}
        (root / f"annotations/{split}.json").write_text(json.dumps(content))
    return root


NAMES = [
    "a.png",
    "b c.png",
    "sub folder/ä 漢.png",
    "sub folder/x.1.png",
    "sub folder/x.2.png",
    "x.jpg",
    "x.png",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = write_set(tmp_path / "cups", NAMES)
    (root / "schema.json").write_text(json.dumps({"name": "cup", "keypoints": ["rim", "foot"]}))
    (root / "notes.txt").write_text("mine")
    return root


def summed(root: Path) -> dict[str, str]:
    return {name: hashlib.sha256(files.read_bytes(root / name)).hexdigest() for name in files.walk(root)}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost(folder: Path, kind: str):
    before = summed(folder)
    report = pack(folder, kind, shard_size=0.02)
    out = folder.with_name(f"cups{packing.ENDINGS[kind]}")
    assert report.pop("megabytes") > 0 and report.pop("out") == str(out)
    shards = {"tar files": len(list(out.glob("*.tar")))} if kind == "tar" else {}
    assert report == {"images": 7, "other files": 4, "read back": 11, **shards}
    assert summed(out) == before == summed(folder)
    assert [p.name for p in folder.parent.iterdir() if p.name.startswith(".")] == []
    ours, theirs = read_coco(out), read_coco(folder)
    assert [(r.image.relative_to(out), r.bbox.tolist(), r.keypoints.tolist()) for r in ours.records] == [
        (r.image.relative_to(folder), r.bbox.tolist(), r.keypoints.tolist()) for r in theirs.records
    ]
    assert ours.schema == theirs.schema


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_folder_gives_the_same_bytes(folder: Path, tmp_path: Path, kind: str):
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    made = []
    for i, source in enumerate((folder, copy)):
        out = tmp_path / f"pack{i}"
        pack(source, kind, out, shard_size=0.02)
        parts = [out] if out.is_file() else sorted(p for p in out.rglob("*") if p.is_file())
        made.append({p.relative_to(out).as_posix(): p.read_bytes() for p in parts})
    assert made[0] == made[1]


def test_the_json_beside_an_image_says_what_the_annotation_file_says(folder: Path):
    webdataset = pytest.importorskip("webdataset")
    pack(folder, "tar", shard_size=0.02)
    shards = [str(path) for path in sorted(folder.with_name("cups.shards").glob("*.tar"))]
    samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode("rgb8"))
    found = {sample["json"]["file_name"]: sample for sample in samples}
    assert len(shards) > 2 and found.keys() == set(NAMES)
    for sample in found.values():
        (annotation,) = sample["json"]["annotations"]
        assert annotation["keypoints"] == [10, 10, 2, 20, 20, 1] and sample["json"]["width"] == 60
        assert sample[next(key for key in sample if key in ("png", "jpg"))].shape == (40, 60, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_links_hidden_files_and_images_without_an_entry(folder: Path, tmp_path: Path, kind: str):
    """What lies outside the folder stays there, but for the images that ``convert`` linked."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (outside / "real.png").write_bytes((folder / "images/a.png").read_bytes())
    (folder / "images/a.png").unlink()
    (folder / "images/a.png").symlink_to(outside / "real.png")
    (folder / "report.json").write_text(json.dumps({"place": "symlink"}))
    (folder / "secret.txt").symlink_to(outside / "secret.txt")
    (folder / "linked").symlink_to(outside)
    (folder / ".hidden").write_text("1")
    shutil.copyfile(folder / "images/x.png", folder / "images/more.png")
    report = pack(folder, kind)
    assert report["images that no annotation file names"] == 1 and report["images"] == 8
    assert report["left out"] == "2 links, such as linked, secret.txt"
    found = summed(Path(report["out"]))
    assert {"images/a.png", "images/more.png", "report.json"} < found.keys()
    assert not {name for name in found if "secret" in name or "hidden" in name or "linked" in name}


def test_annotations_behind_a_link(folder: Path, tmp_path: Path):
    (folder / "annotations").rename(tmp_path / "labels")
    (folder / "annotations").symlink_to(tmp_path / "labels")
    report = pack(folder, "zip")
    assert len(read_coco(Path(report["out"])).records) == 7


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_packed(folder: Path, tmp_path: Path, kind: str):
    def refused(words: str, source: Path = folder, out: Path | None = None) -> None:
        before = sorted(tmp_path.iterdir())
        with pytest.raises(BadInputError, match=words):
            pack(source, kind, out)
        assert sorted(tmp_path.iterdir()) == before

    refused("no such folder", tmp_path / "none")
    refused("no COCO keypoint annotations", folder / "images")
    refused("lies in the folder that is packed", out=folder / "x")
    taken = tmp_path / "taken"
    taken.write_text("1")
    refused("exists and is not empty; to do: give a new folder, or remove it first", out=taken)
    (folder / "images/a.png").unlink()
    refused("image is missing")


def test_a_pack_is_not_packed_again_but_converted(folder: Path, tmp_path: Path):
    for kind in KINDS:
        out = pack(folder, kind)["out"]
        with pytest.raises(
            BadInputError, match="only a folder on the disk is packed; .*; to do: kpplugins dataset"
        ):
            pack(out, "zip", tmp_path / "again.zip")
        convert(out, tmp_path / f"out of {kind}", checks=False)
        assert all(
            (tmp_path / f"out of {kind}/images" / name).read_bytes()
            == (folder / "images" / name).read_bytes()
            for name in NAMES
        )
        with pytest.raises(BadInputError, match="cannot be placed by a hardlink; .*; to do: --place copy"):
            convert(out, tmp_path / "linked", checks=False, place="hardlink")


@pytest.mark.parametrize("name", ["a\\b.txt", "a\nb.txt"])
def test_names_that_not_every_archive_keeps(folder: Path, name: str):
    (folder / name).write_text("1")
    with pytest.raises(BadInputError, match="a name that not every archive keeps; .*; to do: rename it"):
        pack(folder, "zip")


def test_an_unknown_kind_and_size(folder: Path):
    with pytest.raises(BadInputError, match="expected zip, lmdb, tar; found 'rar'"):
        pack(folder, "rar")
    with pytest.raises(BadInputError, match="--shard-size: out of range; expected more than 0; found nan"):
        pack(folder, "tar", shard_size=float("nan"))


@pytest.mark.parametrize(("kind", "name"), [("tar", "old.tar"), ("lmdb", "members.index")])
def test_a_file_with_a_name_of_the_packs(folder: Path, kind: str, name: str):
    (folder / name).write_text("1")
    with pytest.raises(
        BadInputError, match=f"{name}: a file with a name that the pack needs; to do: move it away"
    ):
        pack(folder, kind)
    assert pack(folder, "zip")["other files"] == 5


def test_a_missing_package_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(MachineError, match=r"package lmdb; to do: pip install 'kpplugins\[lmdb\]'"):
        pack(folder, "lmdb")
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("kind", KINDS)
def test_a_pack_that_is_not_what_was_packed(folder: Path, monkeypatch: pytest.MonkeyPatch, kind: str):
    """An image that is written to meanwhile, or a disk that changes bytes."""
    true = packing._Content.files

    def changing(content, names):
        for name, path in true(content, names):
            if name == "images/x.png":
                path.write_bytes(path.read_bytes() + b"1")
            yield name, path

    monkeypatch.setattr(packing._Content, "files", changing)
    with pytest.raises(
        BadInputError, match=r"in its archive is damaged|not what was packed; found images/x.png"
    ):
        pack(folder, kind)
    assert list(folder.parent.iterdir()) == [folder]


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_nothing(
    folder: Path, small_disk: Callable[..., Path], kind: str, capsys: pytest.CaptureFixture
):
    disk = small_disk("40k")
    assert main(["pack", str(folder), "--to", kind, "--out", str(disk / "pack")]) == 3
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and ("space" in error or "ENOSPC" in error or "written" in error), (
        error
    )
    assert list(disk.iterdir()) == []


def test_the_command_says_what_it_did(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture):
    assert (
        main(["pack", str(folder), "--to", "tar", "--shard-size", "0.02", "--out", str(tmp_path / "a b")])
        == 0
    )
    said = capsys.readouterr().out
    assert said.startswith("images: 7\nother files: 4\ntar files: ")
    assert said.endswith(
        f"written: {tmp_path / 'a b'}\nnext: kpplugins train CONFIG --data '{tmp_path / 'a b'}'\n"
    )


def test_a_zip_is_stored_as_it_is(folder: Path):
    out = Path(pack(folder, "zip")["out"])
    with zipfile.ZipFile(out) as archive:
        assert {info.compress_size == info.file_size for info in archive.infolist()} == {True}
        assert archive.namelist() == sorted(archive.namelist(), key=str.encode)
