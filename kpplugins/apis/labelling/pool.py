"""The images that could be labelled: files, and frames of videos; one of those that look the same."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kpplugins.curation.checks.images.duplicates import alike_groups
from kpplugins.curation.checks.images.looks import look_at
from kpplugins.curation.checks.material import Material
from kpplugins.data import ImageInfo
from kpplugins.data.annotation_set import AnnotationSet
from kpplugins.data.coco.writer import Progress
from kpplugins.data.images import read_size, write_image
from kpplugins.inference.video.input_files import find_inputs, is_video, result_names
from kpplugins.inference.video.opening import silence_opencv
from kpplugins.inference.video.video_reader import VideoReader
from kpplugins.schema import KeypointSchema
from kpplugins.structures import BadInputError

_RATE = 25.0
"""Frames per second of a video that does not say."""


@dataclass
class Pool:
    """Images that could be labelled.

    Attributes:
        images: the files, no two of which look the same.
        names: of the image in results: the file's, or the video's and the frame's number, unlike any other.
        origins: what each image is: the file, or the video and the number of the frame.
        alike: how many images of the pool look like it, itself included.
        counts: what was found and what was left out, in words.
    """

    images: list[ImageInfo] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    alike: list[int] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def pool_of(
    inputs: Sequence[str | Path],
    passing: Path,
    *,
    every: float,
    labelled: Sequence[ImageInfo] = (),
    progress: Progress | None = None,
) -> Pool:
    """Gather the images of files, folders, patterns and videos.

    Args:
        inputs: see ``find_inputs``.
        passing: a folder for frames of videos.
        every: seconds from one frame of a video to the next that is looked at.
        labelled: images that are labelled already; what looks like one of them is left out.
        progress: called with (images done, of all).

    Returns:
        The pool; of images that look the same the first.

    Raises:
        BadInputError: see ``find_inputs``; ``every`` is not positive; or nothing is left.
    """
    if not every > 0:
        raise BadInputError(
            "not a distance of frames", where="--every", expected="> 0 seconds", found=str(every)
        )
    files = find_inputs(inputs)
    found: list[tuple[ImageInfo, str, str]] = []
    counts: Counter[str] = Counter()
    silence_opencv()
    for file, name in zip(files, result_names(files), strict=True):
        if is_video(file):
            frames = _frames(file, name, passing, every)
            counts["videos"] += 1
            counts["frames"] += len(frames)
            found += frames
            continue
        counts["images"] += 1
        try:
            found.append((ImageInfo(file, *read_size(file)), name + file.suffix.lower(), str(file)))
        except BadInputError:
            counts["cannot be read"] += 1
    return _unlike(found, labelled, counts, progress)


def _frames(video: Path, name: str, passing: Path, every: float) -> list[tuple[ImageInfo, str, str]]:
    """Write some frames of a video as images."""
    reader = VideoReader(video)
    found, due = [], 0.0
    for frame in reader:
        time = frame.time if reader.fps else frame.index / _RATE
        if time + 1e-6 < due:
            continue
        due = time + every
        own = f"{name}_{frame.index:06d}.png"
        (passing / "frames").mkdir(parents=True, exist_ok=True)
        write_image(passing / "frames" / own, frame.image)
        size = frame.image.shape[1], frame.image.shape[0]
        found.append((ImageInfo(passing / "frames" / own, *size), own, f"{video} frame {frame.index}"))
    return found


def _unlike(
    found: Sequence[tuple[ImageInfo, str, str]],
    labelled: Sequence[ImageInfo],
    counts: Counter[str],
    progress: Progress | None,
) -> Pool:
    """Keep one image of those that look the same, and none that looks like a labelled one."""
    every = [*(image for image, _, _ in found), *labelled]
    looks = look_at(every, progress)
    nothing = AnnotationSet(KeypointSchema("none", ("none",)), backgrounds=every)
    group = {path: [path] for path in looks.paths}
    digests = dict(zip(looks.paths, looks.digests, strict=True))
    same: dict[bytes, list[Path]] = {}
    for path in looks.paths:
        same.setdefault(digests[path], []).append(path)
    joined = [
        [looks.paths[i] for i in places]
        for places in alike_groups(Material(Path(), "images", nothing, looks))
    ]
    for paths in [*same.values(), *joined]:
        whole = list(dict.fromkeys(p for path in paths for p in group[path]))
        group.update(dict.fromkeys(whole, whole))
    known = {image.path for image in labelled}
    pool, taken = Pool(counts=counts), set()
    for image, name, origin in found:
        alike = group.get(image.path)
        if alike is None:
            counts["cannot be read"] += 1
        elif known & set(alike):
            counts["look like a labelled one"] += 1
        elif image.path in taken:
            counts["look like another one"] += 1
        else:
            taken.update(alike)
            pool.images.append(image)
            pool.names.append(name)
            pool.origins.append(origin)
            pool.alike.append(len(alike))
    if not pool.images:
        raise BadInputError(
            "no image to choose from",
            where="POOL",
            found=", ".join(f"{n} {what}" for what, n in counts.items()),
        )
    return pool
