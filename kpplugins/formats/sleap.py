"""SLEAP labels (``.slp``) through sleap-io, an optional package: points, skeleton, symmetries.

Images are found below the folder of the ``.slp``, even if it names them by paths of another machine. Frames that
a package file (``.pkg.slp``) embeds, and frames of video files, are written as PNG into a folder that the caller gives.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kpplugins.data import ImageInfo, PoseRecord
from kpplugins.data.annotation_set import UNLABELLED, AnnotationSet
from kpplugins.data.parsing.hdf5 import require_bounded
from kpplugins.data.parsing.image_files import existing_end, is_absolute, measure_image
from kpplugins.data.parsing.image_folder import ImageFolder
from kpplugins.data.parsing.text import one_line
from kpplugins.data.record_builder import MARGIN, build_record
from kpplugins.schema import KeypointSchema
from kpplugins.schema.from_names import infer_schema
from kpplugins.structures import BadInputError

_EMPTY = "instance without a visible point, left out"
_HDF5 = b"\x89HDF\r\n\x1a\n"


def is_sleap(source: Path) -> bool:
    """Tell whether a source looks like SLEAP labels; never raises.

    Args:
        source: file or folder.

    Returns:
        True where it does.
    """
    try:
        path = _file_of(source)
        with path.open("rb") as file:
            return file.read(len(_HDF5)) == _HDF5
    except (BadInputError, OSError):
        return False


def read_sleap(
    source: Path,
    *,
    images: Path | None = None,
    extract_to: Path | None = None,
    margin: float = MARGIN,
    negatives: bool = False,
    skip_bad: bool = False,
) -> AnnotationSet:
    """Read what people labelled, in the order of the file.

    A point that SLEAP marks as not visible has no trustworthy position and is absent; the others are visible. Instances
    without a visible point, and frames without any other instance, with predictions only for example, are left out,
    which is counted; frames that SLEAP marks as negative are backgrounds. The symmetries of the skeleton
    are the flip pairs; where it has none, they follow from the names.

    Args:
        source: the ``.slp`` file, or a folder with one.
        images: where the images are instead of beside the file.
        extract_to: the folder that frames of videos and package files are written to; ``None`` makes such frames
            faults. It is the caller's to remove where reading fails.
        margin: of the box around an animal's keypoints, see ``record_builder``.
        negatives: frames without instances are backgrounds, save those of package files, which have no image.
        skip_bad: skip bad frames.

    Returns:
        The records, with every fault and every rule that was applied.

    Raises:
        BadInputError: sleap-io is not installed, the file is not SLEAP's, or a frame is bad and ``skip_bad`` is false.
    """
    path = _file_of(source)
    labels = _load(path)
    reading = AnnotationSet(_schema(labels, path))
    frames = _Frames(path, extract_to, ImageFolder(images or path.parent, search=images is not None))
    for number, frame in enumerate(labels.labeled_frames):
        where = f"{path}:frame {number}"
        try:
            given = [i for i in frame.user_instances if _has_point(i)]
            reading.notes.count(_EMPTY, len(frame.user_instances) - len(given))
            if not given and not _is_negative(frame, negatives):
                reading.notes.count(UNLABELLED)
                continue
            image = frames.image(frame.video, int(frame.frame_idx), where)
            records = [_record(i, reading.schema, image, path, where, margin) for i in given]
        except BadInputError as fault:
            reading.faults.append(fault)
            continue
        reading.records.extend(records)
        if not records:
            reading.backgrounds.append(image)
    reading.notes.say(*frames.folder.notes)
    if not (reading.records or reading.faults or reading.backgrounds):
        raise BadInputError("no labelled frame here", where=str(path), todo="label some in SLEAP")
    return reading.settle(skip_bad)


def _has_point(instance: Any) -> bool:
    """Tell whether an instance has a visible point; one of another number of points is left to ``_record``."""
    visible = np.asarray(instance.points["visible"], dtype=bool)
    return bool((visible & ~np.isnan(np.asarray(instance.points["xy"], dtype=np.float64)).any(axis=1)).any())


def _is_negative(frame: Any, negatives: bool) -> bool:
    """Tell whether somebody has said of a frame without instances that there is nothing in it."""
    if len(frame.instances) or _embedded(frame.video):
        return False
    return negatives or bool(getattr(frame, "is_negative", False))


@dataclass
class _Frames:
    """Finds or writes the images of frames."""

    labels: Path
    out: Path | None
    folder: ImageFolder
    found: dict[tuple[int, int], str] = field(default_factory=dict)

    def image(self, video: Any, index: int, where: str) -> ImageInfo:
        """Return the image of one frame; each frame may be asked for once."""
        key = id(video), index
        if key in self.found:
            raise BadInputError("frame is labelled twice", where=where, found=f"{self.found[key]} too")
        self.found[key] = where
        names = video.filename
        if isinstance(names, (list, tuple)):
            if not 0 <= index < len(names):
                raise BadInputError(
                    "frame has no image", where=where, expected=f"0 … {len(names) - 1}", found=str(index)
                )
            return self.folder.find(str(names[index]), where)
        return self._extract(video, index, where)

    def _relative(self, name: str, where: str) -> str:
        """Find ``name`` below the folder of the labels: as it is, or its longest tail that exists there."""
        plain = name.replace("\\", "/")
        if not is_absolute(plain):
            return plain
        root = self.labels.parent
        end = existing_end(root, plain)
        if not end:
            raise BadInputError(
                "image or video is not beside the labels",
                where=where,
                expected=f"{plain.rsplit('/', 1)[-1] or 'a file'} below {root}",
                found=repr(name)[:120],
                todo="copy it there",
            )
        return end

    def _extract(self, video: Any, index: int, where: str) -> ImageInfo:
        """Write one frame of a video or package file."""
        own = _embedded(video)
        name = self.labels.name if own else self._relative(str(video.filename), where)
        if self.out is None:
            raise BadInputError(
                "frame is inside a video",
                where=where,
                expected="images",
                found=repr(name)[:120],
                todo="give a folder to write the frames to (`extract_to`)",
            )
        try:
            if not own:
                video.replace_filename(str(self.labels.parent / name), open=False)
            video.open()
            pixels = np.asarray(video[index])
            path = self.out / f"{Path(name).stem}-{self._number(video)}-{index:06d}.png"
            _write_png(pixels, path)
        except Exception as error:  # video readers may raise anything
            raise BadInputError(
                f"frame {index} cannot be read: {one_line(error)}", where=where, found=repr(name)[:120],
                todo="pip install 'sleap-io[opencv]', or check that the video plays",
            ) from error  # fmt: skip
        return measure_image(path, where)

    def _number(self, video: Any) -> int:
        """Number the videos in the order in which their frames come."""
        return list(dict.fromkeys(key for key, _ in self.found)).index(id(video))


def _embedded(video: Any) -> bool:
    """Tell whether the images are in the file itself; SLEAP embeds only those with labelled instances."""
    return bool((video.backend_metadata or {}).get("has_embedded_images", False))


def _write_png(pixels: np.ndarray, path: Path) -> None:
    from PIL import Image

    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3):
        raise ValueError(f"pixels are {pixels.dtype} of shape {pixels.shape}")
    grey = pixels.ndim == 3 and pixels.shape[2] == 1
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if grey else pixels).save(path)


def _file_of(source: Path) -> Path:
    if source.is_dir():
        files = sorted(source.glob("*.slp"))
        if len(files) != 1:
            raise BadInputError(
                "more than one .slp here" if files else "no .slp here",
                where=str(source),
                todo="name the file",
            )
        return files[0]
    if source.suffix != ".slp":
        raise BadInputError("no .slp file", where=str(source))
    return source


def _load(path: Path) -> Any:
    if not path.is_file():
        raise BadInputError("no such file", where=str(path))
    try:
        import sleap_io
    except ImportError as error:
        raise BadInputError(
            "reading .slp needs sleap-io, which is not installed",
            where=str(path),
            todo="pip install 'kpplugins[sleap]'",
        ) from error
    try:
        import h5py  # which sleap-io brings

        with h5py.File(path, "r") as file:
            require_bounded(file, path, images=("video",))
        return sleap_io.load_slp(str(path), open_videos=False)
    except BadInputError:
        raise
    except Exception as error:  # h5py, json and attrs below it may raise anything for broken files
        raise BadInputError(
            f"not SLEAP labels: {type(error).__name__}: {one_line(error)}",
            where=str(path),
            todo="save it again",
        ) from error


def _schema(labels: Any, path: Path) -> KeypointSchema:
    """Build the schema from the file's only skeleton."""
    if len(labels.skeletons) != 1:
        raise BadInputError(
            "does not have exactly one skeleton", where=str(path), expected="1", found=str(len(labels.skeletons)),
            todo="keep one skeleton per file",
        )  # fmt: skip
    skeleton = labels.skeletons[0]
    names = [str(name) for name in skeleton.node_names]
    pairs = [tuple(sorted(pair, key=names.index)) for pair in map(tuple, skeleton.symmetry_names)]
    edges = [(str(a), str(b)) for a, b in skeleton.edge_names if a != b]
    try:
        return infer_schema("sleap", names, skeleton=edges, flip_pairs=sorted(set(pairs)) or None)
    except BadInputError as error:
        raise BadInputError(f"broken skeleton: {error.what}", where=str(path), found=error.found) from error


def _record(
    instance: Any, schema: KeypointSchema, image: ImageInfo, path: Path, where: str, margin: float
) -> PoseRecord:
    xy = np.asarray(instance.points["xy"], dtype=np.float64)
    if xy.shape != (schema.num_keypoints, 2):
        raise BadInputError(
            "instance has another number of keypoints",
            where=where,
            expected=str(schema.num_keypoints),
            found=str(len(xy)),
        )
    visible = np.asarray(instance.points["visible"], dtype=bool) & ~np.isnan(xy).any(axis=1)
    points = np.concatenate([np.where(visible[:, None], xy, 0), 2.0 * visible[:, None]], axis=1)
    return build_record(image, points, source=path, where=where, margin=margin, category="animal")
