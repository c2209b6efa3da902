"""MMEngine, MMPose and mmcv read from archives and addresses."""

import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import cv2
import fsspec
import numpy as np
import pytest
from mmengine import fileio
from mmengine.fileio import LocalBackend
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, TRANSFORMS

import kpplugins.register  # noqa: F401
from kpplugins.curation.convert import convert
from kpplugins.curation.pack import pack
from kpplugins.formats.cat import CAT_SCHEMA
from kpplugins.structures import BadInputError


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)


@pytest.fixture
def packed(image: np.ndarray, tmp_path: Path) -> Path:
    _, content = cv2.imencode(".png", image)
    with zipfile.ZipFile(tmp_path / "cats.zip", "w") as archive:
        archive.writestr("images/a.png", content.tobytes())
        archive.writestr("annotations/a.txt", "one\r\ntwo")
    return tmp_path / "cats.zip"


@pytest.mark.parametrize("kind", ["LoadImage", "LoadCachedImage"])
@pytest.mark.parametrize("named", [None, {"backend": "zip"}, {"backend": "zip", "root": True}])
def test_mmposes_loadimage_reads_a_zip(packed: Path, image: np.ndarray, kind: str, named: dict | None):
    path = "images/a.png" if named and "root" in named else str(packed / "images/a.png")
    args = (
        {}
        if named is None
        else {"backend_args": {**named, **({"root": str(packed)} if "root" in named else {})}}
    )
    step = TRANSFORMS.build({"type": kind, **args})
    for one in (step, pickle.loads(pickle.dumps(step))):
        assert np.array_equal(one({"img_path": path})["img"], image)


def test_mmengines_own_lmdb_reads_ours(image: np.ndarray, tmp_path: Path):
    pytest.importorskip("lmdb")
    from kpplugins.storage.lmdb_files import write_lmdb

    _, content = cv2.imencode(".png", image)
    (tmp_path / "a.png").write_bytes(content.tobytes())
    write_lmdb(tmp_path, [("images/a.png", tmp_path / "a.png")], 10_000, 1)
    step = TRANSFORMS.build(
        {"type": "LoadImage", "backend_args": {"backend": "lmdb", "db_path": str(tmp_path)}}
    )
    assert np.array_equal(step({"img_path": "images/a.png"})["img"], image)
    plain = TRANSFORMS.build({"type": "LoadImage"})
    (tmp_path / "a.png").unlink()
    assert np.array_equal(plain({"img_path": str(tmp_path / "images/a.png")})["img"], image)


@pytest.mark.parametrize("kind", ["zip", "tar", "lmdb", "lmdb of MMEngine"])
def test_mmposes_own_dataset_on_a_pack(drawn_cats: Path, tmp_path: Path, kind: str):
    """As a config of MMPose names it: folder, annotation file, and prefix of the images."""
    pytest.importorskip("lmdb")
    convert(drawn_cats, tmp_path / "set", ratios=(80, 20, 0), checks=False)
    out = pack(tmp_path / "set", kind.split()[0])["out"]
    init_default_scope("mmpose")

    def samples(root: str, **backend: str) -> list[bytes]:
        load = {"type": "LoadImage", **({"backend_args": backend} if backend else {})}
        prefix = "" if backend else root
        dataset = DATASETS.build(
            dict(
                type="CocoDataset", metainfo=CAT_SCHEMA.to_metainfo(), ann_file=f"{root}/annotations/train.json",
                data_root=prefix, data_prefix=dict(img="images/"), pipeline=[load],
            )
        )  # fmt: skip
        return [sample["img"].tobytes() + sample["keypoints"].tobytes() for sample in dataset]

    backend = {"backend": "lmdb", "db_path": out} if "MMEngine" in kind else {}
    assert samples(out, **backend) == samples(str(tmp_path / "set"))


def test_an_address_needs_no_more_than_its_name(packed: Path, image: np.ndarray):
    system = fsspec.filesystem("memory")
    system.put(str(packed), "/bucket/cats.zip")
    system.put(str(packed), "/top.zip")
    step = TRANSFORMS.build({"type": "LoadImage"})
    assert np.array_equal(step({"img_path": "memory://bucket/cats.zip/images/a.png"})["img"], image)
    assert np.array_equal(step({"img_path": "memory://top.zip/images/a.png"})["img"], image)
    assert fileio.get("memory://bucket/cats.zip") == packed.read_bytes()
    assert fileio.exists("memory://bucket/cats.zip") and not fileio.isfile("memory://bucket/none")
    assert fileio.join_path("memory://bucket", "cats", "a.png") == "memory://bucket/cats/a.png"
    assert fileio.get(packed.as_uri()) == packed.read_bytes()
    system.rm("/bucket", recursive=True)
    system.rm("/top.zip")


def test_texts_and_files_on_the_disk(packed: Path, tmp_path: Path):
    name = packed / "annotations/a.txt"
    assert fileio.get_text(name) == "one\ntwo"
    with fileio.get_local_path(str(name)) as copy:
        assert Path(copy).read_bytes() == b"one\r\ntwo" and Path(copy).name == "a.txt"
    assert not Path(copy).exists()
    with fileio.get_local_path(str(packed)) as same:
        assert same == str(packed)
    assert fileio.isdir(packed / "images") and fileio.isdir(tmp_path) and not fileio.isdir(packed)
    fileio.copyfile(packed, tmp_path / "copy.zip")
    fileio.remove(tmp_path / "copy.zip")
    fileio.put_text("new", tmp_path / "new.txt")
    assert fileio.get_text(tmp_path / "new.txt") == "new"


def test_nothing_is_written_at_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AttributeError):
        fileio.put(b"1", "memory://bucket/a")
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_said_as_before(packed: Path, tmp_path: Path):
    step = TRANSFORMS.build({"type": "LoadImage"})
    for path in (tmp_path / "none.png", packed / "images/none.png"):
        with pytest.raises(FileNotFoundError, match=f"No such file.*occurs when loading `{path}`"):
            step({"img_path": str(path)})
    packed.write_bytes(packed.read_bytes()[:-30])
    with pytest.raises(BadInputError, match=f"not a complete zip file.*occurs when loading `{packed}"):
        step({"img_path": str(packed / "images/a.png")})


def test_mmengines_backends_stay_where_they_work(tmp_path: Path):
    """The disk is still MMEngine's for all but reading; petrel and http only give way where a package is missing."""
    code = """
import json, sys
sys.modules["aiohttp"] = None
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "aiohttp" else object() if name == "petrel_client" \\
    else find(name, *more)
from kpplugins.compat import file_backends
file_backends.install()
from mmengine.fileio.backends import prefix_to_backends as by
print(json.dumps({prefix: by[prefix].__name__ for prefix in ("", "s3", "http", "gs")}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expected = {"": "DiskBackend", "s3": "PetrelBackend", "http": "HTTPBackend", "gs": "StoredFileBackend"}
    assert json.loads(done.stdout.splitlines()[-1]) == expected
    assert issubclass(fileio.get_file_backend("a").__class__, LocalBackend)
