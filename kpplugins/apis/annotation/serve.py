"""Serve a model to an annotation tool, until it is stopped."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kpplugins.apis.annotation.backend_server import HOST, PORT, USER, BackendServer, new_token
from kpplugins.apis.annotation.label_studio_backend import LabelStudioBackend
from kpplugins.apis.annotation.task_images import TaskImages
from kpplugins.apis.annotation.tool_key import ToolKey
from kpplugins.apis.web.guard import LOCAL_HOSTS
from kpplugins.formats.writing.predicted import check_threshold

if TYPE_CHECKING:
    from kpplugins.inference.bulk.model_choice import ModelChoice

_DIGITS = 8
"""Of the check sum in a version's name."""


def serve_label_studio(
    model: "ModelChoice",
    *,
    score_thr: float | None = None,
    keep: Path | None = None,
    images: Path | None = None,
    tool: str | None = None,
    key: str = "",
    allowed: Sequence[str] = (),
    host: str = HOST,
    port: int = PORT,
    token: str | None = None,
    tell: Callable[[str], None] = print,
) -> None:
    """Answer Label Studio's requests until the process is stopped.

    Args:
        model: what predicts.
        score_thr: see ``predicted_content``.
        keep: see ``LabelStudioBackend``.
        images: see ``folder`` of ``TaskImages``.
        tool: see ``TaskImages``.
        key: see ``ToolKey``; empty sends none.
        allowed: see ``TaskImages``.
        host: see ``BackendServer``.
        port: see ``BackendServer``.
        token: see ``BackendServer``; ``None`` makes one and tells it.
        tell: is called with the address once it answers, and with a line on each request.

    Raises:
        BadInputError: see ``ModelChoice``, ``TaskImages`` and ``BackendServer``.
    """
    check_threshold(score_thr)
    settled = model.settled()
    version = version_of(settled)
    places = TaskImages(images, tool, ToolKey(tool, key) if tool and key else None, allowed)
    predictor = settled.open()
    backend = LabelStudioBackend(predictor, version, places, score_thr, keep, tell)
    with BackendServer(backend.answer, host, port, token or new_token()) as server:
        tell(f"{version}: keypoints {', '.join(predictor.schema.keypoints)}")
        tell(f"Label Studio, Settings > Model > Connect Model: {server.url}")
        secret = "that in KPPLUGINS_TOKEN" if token else server.token
        tell(f"basic authentication: user {USER}, password {secret} (Ctrl-C stops it)")
        if host not in LOCAL_HOSTS:
            tell("whoever reaches this address and has the token can use it; it is sent unencrypted")
        server.serve_forever()


def version_of(model: "ModelChoice") -> str:
    """Name a model so that predictions of another one are told from its own.

    Args:
        model: settled.

    Returns:
        The name of its file or folder, and the beginning of its check sum.
    """
    known = model.identity()
    named = Path(str(known["file"]))
    name = named.stem if named.is_dir() else f"{named.parent.name}/{named.stem}"
    return f"{name} {str(known.get('checksum', ''))[:_DIGITS]}".strip()
