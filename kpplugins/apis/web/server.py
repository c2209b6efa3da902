"""Serve the page."""

import asyncio
import logging
import os
import socket
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kpplugins.apis.web.guard import LOCAL_HOSTS, Guard
from kpplugins.apis.web.uploads import MOST_MEGABYTES
from kpplugins.extras import cure
from kpplugins.structures import BadInputError, MachineError

if TYPE_CHECKING:
    from kpplugins.inference.predictor import Predictor

HOST = "127.0.0.1"
PORTS = range(7860, 7880)
"""The first free one of these is taken where none is named."""


def serve(
    models: "Sequence[tuple[str, Predictor]]",
    host: str = HOST,
    port: int | None = None,
    score_thr: float | None = None,
    tell: Callable[[str], None] = print,
) -> None:
    """Serve a page on which a browser shows what models find, until it is stopped.

    The page needs no internet, and sends nothing anywhere. What visitors give lies in a temporary folder, which is
    removed at the end.

    Args:
        models: predictors by name; the page begins with the first one.
        host: the address that is listened at; only that of this machine itself keeps others out.
        port: 0 takes any free one. Default: the first free one of ``PORTS``.
        score_thr: see ``draw_pose``; the page can change it.
        tell: is called with the address, once the page can be opened.

    Raises:
        BadInputError: two models have the same name, or the address cannot be listened at.
        MachineError: gradio is not installed.
    """
    require_gradio()
    names = [name for name, _ in models]
    if len(set(names)) < len(names):
        raise BadInputError("two models have the same name", found=", ".join(names), todo="rename one")
    listener = _listener(host, port)
    with listener, tempfile.TemporaryDirectory(prefix="kpplugins_page_") as folder:
        _keep_to_itself(folder)
        import uvicorn

        app = page_app(models, host, score_thr, Path(folder))
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, ws="none")
        server = uvicorn.Server(config)
        logging.getLogger("uvicorn.error").addFilter(_is_no_open_stream)
        tell(f"the page is at {address} (Ctrl-C stops it)")
        if host not in LOCAL_HOSTS:
            tell(
                "anyone who reaches this address can use it; browsers lend cameras to https and localhost only"
            )
        server.run(sockets=[listener])


def page_app(
    models: "Sequence[tuple[str, Predictor]]", host: str, score_thr: float | None, folder: Path
) -> Any:
    """Return the page as an ASGI application.

    Args:
        models: see ``serve``.
        host: see ``serve``.
        score_thr: see ``serve``.
        folder: for what visitors give.

    Returns:
        The application.
    """
    import gradio
    from fastapi import FastAPI

    from kpplugins.apis.web.page import CSS, built_page, theme

    outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    gradio.mount_gradio_app(
        outer, built_page(models, score_thr, folder), path="/", server_name=host, footer_links=[], run_history=False,
        max_file_size=f"{MOST_MEGABYTES}mb", ssr_mode=False, enable_monitoring=False, pwa=False, mcp_server=False,
        show_error=False, theme=theme(), css=CSS,
    )  # fmt: skip
    return Guard(outer, local=host in LOCAL_HOSTS)


def require_gradio() -> None:
    """Make sure, before a model is loaded, that a page can be served.

    Raises:
        MachineError: gradio is not installed.
    """
    if find_spec("gradio") is None:
        raise MachineError("--web needs gradio, which is not installed", todo=cure("gradio"))


def _is_no_open_stream(record: logging.LogRecord) -> bool:
    """Tell faults from the end of the streams that visitors still have open when the page is stopped."""
    stopped = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not (stopped or str(record.msg).startswith("Cancel "))


def _keep_to_itself(folder: str) -> None:
    """Tell gradio, before it is imported, where to keep files, and to ask nobody for anything."""
    os.environ["GRADIO_TEMP_DIR"] = folder
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_OFFLINE"] = "1"


def _listener(host: str, port: int | None) -> socket.socket:
    """Take the address, so that nothing is loaded for nothing."""
    if port is not None and not 0 <= port <= 65535:
        raise BadInputError("not a port", where="--port", expected="0 to 65535", found=str(port))
    reason = ""
    for one in PORTS if port is None else [port]:
        try:
            family = socket.getaddrinfo(host, one, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((host, one), family=family)
        except OSError as error:
            reason = error.strerror or str(error)
    taken = port if port is not None else f"{PORTS[0]} to {PORTS[-1]}"
    raise BadInputError(
        "cannot listen here",
        where=f"{host}, port {taken}",
        found=reason,
        todo="give another --port or --host",
    )
