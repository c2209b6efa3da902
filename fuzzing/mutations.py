"""Changes to a source that a damaged disk, a bug of a tool or a stranger could make."""

import io
import json
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import yaml

from kpplugins.data.images import SUFFIXES
from kpplugins.formats.tfrecord.examples import masked_crc

NUMBERS = (
    0,
    -1,
    1,
    2,
    3,
    1e-30,
    -0.0,
    1e9,
    -1e9,
    1e308,
    2**31,
    2**63,
    10**30,
    float("nan"),
    float("inf"),
    10**400,
)
TEXTS = (
    "", " ", "a", "../../../etc/passwd", "/etc/passwd", "C:\\a.png", "https://a/b.png", "a\nb", "a\u2028b", "\0", "a\x1b[2J",  # noqa: E501
    "\ud800", "nul", ".", "..", "a/" * 200, "x" * 300, "é", "=1+1", "<script>alert(1)</script>", "{{7*7}}", "%s%n",
    "-1", "1e999", "true", "nan", "\u202egnp.a", "a.png", "b.png", "images/a.png",
)  # fmt: skip
_LARGE = 200_000
DEPTHS = (30, 300, 3000, 200_000)


def change(folder: Path, random: Random, others: list[Path]) -> list[str]:
    """Change one to three things in a folder.

    Args:
        folder: the source, changed in place.
        random: what decides.
        others: files to splice parts from.

    Returns:
        What was done.
    """
    done = []
    for _ in range(random.choice((1, 1, 1, 2, 2, 3))):
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
        if not files:
            break
        texts = [p for p in files if p.suffix.lower() not in SUFFIXES]
        file = random.choice(texts if texts and random.random() < 0.8 else files)
        way: Callable = _change_the_tree if random.random() < 0.08 else _change_the_file
        done.append(f"{way(file, folder, random, others)} {file.relative_to(folder)}")
    return done


def _change_the_tree(file: Path, folder: Path, random: Random, others: list[Path]) -> str:
    way = random.choice(
        ("delete", "folder", "empty", "link out", "link to itself", "rename", "swap", "twice", "dir link")
    )
    target = random.choice([p for p in folder.rglob("*") if p.is_file()])
    if way == "twice":
        shutil.copy(file, file.with_name(f"{file.stem}{random.choice('bB1 ')}{file.suffix}"))
    elif way == "swap":
        content = file.read_bytes()
        file.write_bytes(target.read_bytes())
        target.write_bytes(content)
    elif way == "rename":
        names = [n for n in TEXTS if n.strip(". ") and "/" not in n and "\0" not in n and n.isprintable()]
        file.rename(file.with_name(random.choice(names)[:200] + random.choice(("", file.suffix, ".PNG"))))
    elif way == "dir link" and file.parent != folder:
        outside = folder.parent / "outside"
        file.parent.rename(outside)
        file.parent.symlink_to(outside)
    else:
        content = file.read_bytes()
        file.unlink()
        if way == "folder":
            file.mkdir()
        elif way == "empty":
            file.write_bytes(b"")
        elif way == "link to itself":
            file.symlink_to(file.name)
        elif way == "link out":
            outside = folder.parent / "outside.file"
            outside.write_bytes(content)
            file.symlink_to(outside)
    return way


def _change_the_file(file: Path, folder: Path, random: Random, others: list[Path]) -> str:
    content = file.read_bytes()
    structured = KINDS.get(file.suffix.lower())
    if len(content) > _LARGE:  # by an earlier change; it is not made larger still
        file.write_bytes(content[: random.randrange(len(content))])
        return "cut"
    if structured is not None and random.random() < 0.75:
        try:
            file.write_bytes(structured(content, random))
            return structured.__name__.strip("_")
        except _BROKEN:  # by an earlier change
            pass
    if structured is None and b"\0" not in content and random.random() < 0.7:
        file.write_bytes(_words(content, random))
        return "words"
    file.write_bytes(_bytes(content, random, random.choice(others).read_bytes()))
    return "bytes"


def _bytes(content: bytes, random: Random, other: bytes) -> bytes:
    way, found = random.randrange(7), bytearray(content)
    at = random.randrange(len(found) + 1)
    to = min(len(found), at + random.choice((1, 2, 4, 16, 100, 1000)))
    if way == 0:
        for _ in range(random.choice((1, 1, 4, 30))):
            if found:
                found[random.randrange(len(found))] = random.randrange(256)
    elif way == 1:
        del found[at:]
    elif way == 2:
        del found[at:to]
    elif way == 3:
        found[at:at] = found[at:to] * random.choice((1, 2, 20))
    elif way == 4:
        start = random.randrange(len(other) + 1)
        found[at:to] = other[start : start + random.choice((1, 8, 200))]
    elif way == 5:
        found[at:to] = bytes([random.choice((0, 255, 0x7F, 0x80))]) * (to - at)
    else:
        found[at : at + 4] = struct.pack(
            random.choice(("<I", ">I")), random.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1))
        )
    return bytes(found)


def _value(random: Random, known: Any = None) -> Any:
    """Return a value of another kind or size."""
    deep: Any = []
    for _ in range(random.choice(DEPTHS[:3])):
        deep = [deep] if random.random() < 0.5 else {"a": deep}
    kinds = (
        lambda: random.choice(NUMBERS), lambda: random.choice(NUMBERS), lambda: random.choice(TEXTS),
        lambda: random.choice(TEXTS), lambda: None, lambda: random.choice((True, False)),
        lambda: random.choice(([], {}, [[]], {"a": 1}, [None], [1, 2], {"": ""})),
        lambda: [known] * random.choice((2, 9)), lambda: str(known), lambda: {"a": known}, lambda: deep,
        lambda: "x" * 1_000_000,
    )  # fmt: skip
    return random.choice(kinds)()


def _text(random: Random, known: Any) -> str:
    try:
        return str(_value(random, known))
    except (RecursionError, ValueError):
        return "[" * 100_000


def _places(value: Any) -> list[tuple[Any, Any]]:
    """List every container below a value, once, with each of its keys."""
    found, todo, seen = [], [value], set()
    while todo:
        inner = todo.pop()
        if isinstance(inner, (dict, list)) and id(inner) not in seen:
            seen.add(id(inner))
            keys = list(inner) if isinstance(inner, dict) else range(len(inner))
            found += [(inner, key) for key in keys]
            todo += [inner[key] for key in keys]
    return found


def _change_values(value: Any, random: Random) -> Any:
    places = _places(value)
    if not places or random.random() < 0.03:
        return _value(random, value)
    box, key = random.choice(places)
    way = random.randrange(10)
    other, at = random.choice(places)
    if way < 5:
        box[key] = _value(random, box[key])
    elif way == 5:
        del box[key]
    elif way == 6:
        box[key] = other[at] if other[at] is not value and not _holds(other[at], box) else 0
    elif way == 7 and isinstance(box, list):
        box[key:key] = [box[key]] * random.choice((1, 2, 20))
    elif way == 8 and isinstance(box, dict):
        box[random.choice([str(key) + "x", *(k for _, k in places if isinstance(k, str)), *TEXTS])] = box.pop(
            key
        )
    elif isinstance(box[key], (int, float)) and not isinstance(box[key], bool):
        box[key] = box[key] * random.choice((-1, 0.5, 2, 10, 1e6)) + random.choice((0, 1, -1, 0.25))
    else:
        box[key] = _value(random, box[key])
    return value


def _holds(value: Any, box: Any) -> bool:
    return value is box or any(inner is box for other, key in _places(value) for inner in (other, other[key]))


def _json(content: bytes, random: Random) -> bytes:
    if random.random() < 0.02:
        depth = random.choice(DEPTHS)
        return random.choice(
            (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth)
        )
    text = json.dumps(_change_values(json.loads(content), random))
    if random.random() < 0.02:  # a key twice
        text = re.sub(r'("\w+": )', r"\g<1>1, \g<1>", text, count=1)
    return text.encode("utf-8", "surrogatepass")


def _yaml(content: bytes, random: Random) -> bytes:
    if random.random() < 0.1:
        wide = random.choice((2, 9, 40))
        lines = ["a0: &a0 [x, x]"] + [
            f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * wide)}]" for i in range(1, random.choice((3, 12, 40)))
        ]
        key = random.choice(re.findall(rb"^\w+", content, re.M) or [b"a"]).decode()
        last = lines[-1].split(":")[0]
        return content + "\n".join(["", *lines, f"{key}: *{last}", ""]).encode()
    if random.random() < 0.05:
        depth = random.choice(DEPTHS)
        return content + b"\nz: " + b"[" * depth + b"]" * random.choice((0, depth)) + b"\n"
    return yaml.dump(_change_values(yaml.safe_load(content), random)).encode("utf-8", "surrogatepass")


def _xml(content: bytes, random: Random) -> bytes:
    root = ElementTree.fromstring(content)
    parents = {child: parent for parent in root.iter() for child in parent}
    node, way = random.choice(list(root.iter())), random.randrange(8)
    if way == 0 and node in parents:
        parents[node].remove(node)
    elif way == 1 and node in parents:
        parents[node].extend([node] * random.choice((1, 2, 20)))
    elif way == 2:
        node.text = _text(random, node.text)
    elif way == 3:
        node.tag = random.choice([n.tag for n in root.iter()])
    elif way == 4:
        deep = node
        for _ in range(random.choice((30, 300))):
            deep = ElementTree.SubElement(deep, node.tag, dict(node.attrib))
    elif node.attrib:
        key = random.choice(sorted(node.attrib))
        if way == 5:
            del node.attrib[key]
        else:
            node.attrib[key] = _text(random, node.attrib[key])
    text = ElementTree.tostring(root, encoding="unicode")
    if random.random() < 0.02:
        entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
        text = f'<!DOCTYPE r [<!ENTITY a0 "x">{entities}]>{text}'
    return text.encode("utf-8", "surrogatepass")


def _words(content: bytes, random: Random) -> bytes:
    """Change words and lines of a text."""
    text = content.decode("utf-8", "replace")
    words = list(re.finditer(r"[^\s,;]+", text))
    lines = text.splitlines(keepends=True)
    way = random.randrange(6)
    if way < 3 and words:
        word = random.choice(words)
        new = _text(random, word[0])
        text = text[: word.start()] + new + text[word.end() :]
    elif lines:
        at, to = random.randrange(len(lines)), random.randrange(len(lines))
        if way == 3:
            del lines[at]
        elif way == 4:
            lines[at:at] = [lines[to]] * random.choice((1, 2, 20))
        else:
            lines[at], lines[to] = lines[to], lines[at]
        text = "".join(lines)
    return text.encode("utf-8", "replace")


def _zip(content: bytes, random: Random) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            inside = _words(old.read(name), random)
            way = random.randrange(8)
            if way == 0:
                inside += random.choice((b"\0", b"1", b"\n", b"1 ", b"1,")) * 50_000_000
            new.writestr(random.choice((name, "../a.csv", "b.csv", "b")) if way == 1 else name, inside)
    return made.getvalue()


def _record(content: bytes, random: Random) -> bytes:
    """Change the data of the first TFRecord, with right checksums."""
    (length,) = struct.unpack("<Q", content[:8])
    data = _bytes(content[12 : 12 + length], random, content)
    size = struct.pack("<Q", len(data))
    return (
        size
        + struct.pack("<I", masked_crc(size))
        + data
        + struct.pack("<I", masked_crc(data))
        + content[16 + length :]
    )


def _image(content: bytes, random: Random) -> bytes:
    """Change an image so that its header stays whole more often than not."""
    way = random.randrange(7)
    if way == 0:
        return content[: len(content) // 2]
    if way == 1:
        found = bytearray(content)
        for _ in range(5):
            found[random.randrange(min(100, len(found) - 1), len(found))] = random.randrange(256)
        return bytes(found)
    if way == 2:
        return png(random.choice((1, 16, 65535, 2**31 - 1)), random.choice((1, 16, 65535)))
    if way == 3:
        text = zlib.compress(b"\0" * random.choice((10, 20_000_000)))
        return png(8, 8, random.choice((b"zTXt", b"iCCP", b"iTXt")), b"a\0\0" + text)
    if way == 4:
        return b"II*\0" + struct.pack(
            "<IHHHII", 8, random.choice((1, 65535)), 256, 4, 1, random.choice((8, 2**31))
        )
    if way == 5:
        return random.choice(
            (
                b"GIF89a\x01\0\x01\0\0\0\0;",
                b"RIFF\x10\0\0\0WEBPVP8L",
                b"text",
                b"\0" * 100,
                b"BM" + b"\xff" * 60,
            )
        )
    return png(8, 8, b"IDAT", zlib.compress(b"\0" * 3))


def png(width: int, height: int, kind: bytes = b"", content: bytes = b"") -> bytes:
    """Build a PNG of any stated size, with one more chunk.

    Args:
        width: as the header says.
        height: as the header says.
        kind: of the chunk.
        content: of the chunk.

    Returns:
        The file; it has at most a million bytes of pixels.
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"\0" * min((width + 1) * height, 1_000_000))
    parts = [
        chunk(b"IHDR", head),
        chunk(kind, content) if kind else b"",
        chunk(b"IDAT", rows),
        chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


KINDS: dict[str, Callable[[bytes, Random], bytes]] = {
    ".json": _json, ".yaml": _yaml, ".xml": _xml, ".zip": _zip, ".record": _record,
    **dict.fromkeys(SUFFIXES, _image),
}  # fmt: skip
"""What knows the structure of a file, by its ending."""
_BROKEN = (
    ValueError, LookupError, AttributeError, TypeError, OverflowError, RuntimeError, OSError, EOFError, struct.error,
    ElementTree.ParseError, yaml.YAMLError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What they raise on a file that an earlier change has damaged."""
