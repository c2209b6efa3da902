"""The names of the files behind the addresses in Label Studio's tasks."""

import re
from pathlib import PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

_UPLOAD = re.compile(r"^/?data/upload/(?:\d+/)?")
_HASH = re.compile(r"^[0-9a-f]{8}-")
"""The prefix of an uploaded file's name in Label Studio."""


def spellings(address: str) -> list[str]:
    """List the names that the file of a task's address may have, best first.

    ``/data/upload/29/1a2b3c4d-cat.jpg`` → that without ``/data/upload/29/``, then without the hash;
    ``/data/local-files/?d=pets/cat.jpg`` → ``pets/cat.jpg``, then ``cat.jpg``; ``https://host/pets/cat.jpg``,
    ``s3://bucket/pets/cat.jpg`` → ``cat.jpg``.

    Args:
        address: of the task's ``data``.

    Returns:
        At least one name.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return [address]
    local = parse_qs(parts.query).get("d") if "local-files" in parts.path else None
    if local:
        names = [local[0], PurePosixPath(local[0]).name]
    elif _UPLOAD.match(parts.path):
        names = [unquote(_UPLOAD.sub("", parts.path))]
    elif len(parts.scheme) > 1 and "://" in address:
        names = [unquote(PurePosixPath(parts.path).name)]
    else:
        names = [address]
    names += [_HASH.sub("", PurePosixPath(name).name) for name in names[-1:]]
    return list(dict.fromkeys(name for name in names if name)) or [address]
