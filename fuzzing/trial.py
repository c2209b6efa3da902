"""One input, given to a command in a process of its own, and what came of it."""

import json
import os
import resource
import signal
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from kpplugins.curation.check import check
from kpplugins.curation.convert import convert
from kpplugins.curation.export import export_annotations
from kpplugins.formats.open_source import open_source
from kpplugins.structures import BadInputError
from kpplugins.structures.line_breaks import breaks_line

SECONDS, BYTES, LONGEST = 20, 1 << 30, 2000
"""No input takes longer or more memory than that, and no message is longer."""


@dataclass(frozen=True)
class Outcome:
    """What came of an input: ``done``, ``refused``, or anything else, which is a finding; and what was said."""

    kind: str
    said: str
    seconds: float


def attempt(work: Path, command: str, options: dict[str, Any]) -> Outcome:
    """Run a command on ``work/in`` in a fork that may take 1 GB more than this process, for at most 20 s.

    Args:
        work: the folder; results go to ``work/out``.
        command: ``convert``, ``check``, or a target of the export.
        options: of ``convert``.

    Returns:
        What came of it.
    """
    start = time.monotonic()
    child = os.fork()
    if not child:
        _be_the_child(work, command, options)
    while time.monotonic() - start < SECONDS:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.002)
    else:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return Outcome("slow", f"over {SECONDS} s", SECONDS)
    told = work / "told.json"
    if not told.is_file():
        return Outcome("crash", f"status {status}; {(work / 'log').read_text('utf-8', 'replace')[-3000:]}", 0)
    kind, said = json.loads(told.read_text())
    return Outcome(kind, said, time.monotonic() - start)


def _be_the_child(work: Path, command: str, options: dict[str, Any]) -> None:
    try:
        log = os.open(work / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + BYTES,) * 2)
        kind, said = _judged(work, command, options)
        (work / "told.json").write_text(json.dumps([kind, said]))
    finally:
        os._exit(0)


def _judged(work: Path, command: str, options: dict[str, Any]) -> tuple[str, str]:
    source, out = work / "in" / options.get("inside", ""), work / "out"
    options = {key: value for key, value in options.items() if key != "inside"}
    try:
        if command == "convert":
            convert(source, out, **options)
            wrong = fault_of(out)
        elif command == "check":
            kept = {k: v for k, v in options.items() if k in ("from_format", "names")}
            check(source, out=out, **kept)
            wrong = ""
        else:
            kept = {k: v for k, v in options.items() if k in ("from_format", "skip_bad", "names")}
            export_annotations(source, out, to=command, **kept)
            wrong = _unreadable(out)
    except BadInputError as error:
        said = str(error)
        if breaks_line(said) or len(said) > LONGEST:
            return "long message", said[:4000]
        left = sorted(
            p.name for p in work.iterdir() if p.name not in ("in", "log", "outside", "outside.file")
        )
        return ("left behind", f"{left}: {said}") if left else ("refused", said)
    except BaseException as error:
        told = "".join(traceback.format_exception(error, limit=-12))
        return type(error).__name__, told[-6000:]
    return ("incomplete", wrong) if wrong else ("done", "")


def fault_of(out: Path) -> str:
    """Say what is wrong with a converted folder.

    Args:
        out: the folder.

    Returns:
        One line; empty if nothing is.
    """
    instances = 0
    for file in sorted((out / "annotations").glob("*.json")):
        content = json.loads(file.read_text(encoding="utf-8"))
        lengths = {entry["id"]: 3 * len(entry["keypoints"]) for entry in content["categories"]}
        ids = [entry["id"] for entry in content["images"]]
        for entry in content["images"]:
            path = out / "images" / entry["file_name"]
            image = cv2.imread(str(path), cv2.IMREAD_COLOR) if path.is_file() else None
            if image is None or image.shape[1::-1] != (entry["width"], entry["height"]):
                return f"image is missing, not decodable or of another size: {entry['file_name']!r}"
        for entry in content["annotations"]:
            if len(entry["keypoints"]) != lengths[entry["category_id"]] or entry["image_id"] not in ids:
                return f"annotation does not fit: {entry}"[:300]
        instances += len(content["annotations"])
    json.loads((out / "report.json").read_text(encoding="utf-8"))
    return _unreadable(out, instances)


def _unreadable(out: Path, instances: int | None = None) -> str:
    """Say what is wrong with reading a folder that we wrote."""
    try:
        _, reading = open_source(out)
    except BadInputError as error:
        return f"cannot be read again: {error}"
    if instances is not None and len(reading.records) != instances:
        return f"{instances} instances written, {len(reading.records)} read"
    return ""
