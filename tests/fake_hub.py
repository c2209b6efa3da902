"""A Hugging Face hub on this machine, for what kpplugins asks of one."""

import base64
import hashlib
import http.server
import json
from pathlib import Path

COMMIT = "c" * 40


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers for ``FOLDER/user/repo/FILE`` as the hub does."""

    folder: Path
    made: list[dict]

    def do_HEAD(self) -> None:
        self._answer(False)

    def do_GET(self) -> None:
        self._answer(True)

    def do_POST(self) -> None:
        body = self._body()
        if self.headers.get("Authorization") != "Bearer mine":
            self._send({"error": "Invalid user token"}, 401)
        elif self.path == "/api/repos/create":
            said = json.loads(body)
            (self.folder / f"{said.get('organization') or 'me'}/{said['name']}").mkdir(
                parents=True, exist_ok=True
            )
            self.made.append(said)
            self._send({"url": f"http://{self.headers['Host']}/me/{said['name']}"})
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            self._send({"files": [{**f, "uploadMode": "regular", "shouldIgnore": False} for f in files]})
        elif "/commit/" in self.path:
            _, _, _, user, repo, *_ = self.path.split("/")
            for line in body.splitlines():
                value = json.loads(line)
                if value["key"] == "file":
                    file = self.folder / user / repo / value["value"]["path"]
                    file.write_bytes(base64.b64decode(value["value"]["content"]))
            self._send(
                {
                    "commitOid": COMMIT,
                    "commitUrl": f"http://{self.headers['Host']}/{user}/{repo}/commit/{COMMIT}",
                    "success": True,
                }
            )
        else:  # of the card's head
            self._send({"errors": [], "warnings": []})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, content: dict, status: int = 200) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _answer(self, content: bool) -> None:
        user, repo, *rest = self.path.strip("/").split("/")
        file = self.folder / user / repo / "/".join(rest[2:])
        if rest[:1] != ["resolve"] or not file.is_file():
            kind = "EntryNotFound" if file.parent.is_dir() else "RepoNotFound"
            self.send_response(404)
            self.send_header("X-Error-Code", kind)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = file.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if content:
            self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Nothing into the tests' output."""
