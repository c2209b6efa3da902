"""Runs a peer's program, once."""

import json
import logging
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.environment import Environment
from benchmarks.peers.peer import GIVEN, Peer
from benchmarks.peers.results import FACTS, FILE, read_results
from benchmarks.peers.scoring import scored
from benchmarks.peers.task import Task
from kpplugins.structures import BadInputError
from kpplugins.structures.replaced_file import replace_text

logger = logging.getLogger(__name__)
ROW, LOG = "row.json", "program.log"
PROGRAMS = Path(__file__).parent / "programs"
_PATIENCE = 4.0
"""A program is ended after this many times its budget of wall time, and ``_START`` seconds."""
_START = 900.0


@dataclass(frozen=True)
class ProgramRun:
    """A peer, a task, and the folders of its results and its environment.

    Attributes:
        peer: the method.
        task: the data and the budget.
        out: folder of all peers' results; the peer's own one has its name.
        environments: folder of the environments of all peers; they outlive the results.
    """

    peer: Peer
    task: Task
    out: Path
    environments: Path

    @property
    def folder(self) -> Path:
        """Return the peer's own folder."""
        return self.out / self.peer.name

    def row(self, again: bool = False) -> dict[str, Any]:
        """Return the row of the table: a finished one, a new one, or the reason why there is none.

        Args:
            again: run a finished peer again.

        Returns:
            ``name``, ``words``, ``boxes`` and ``fingerprint``; ``numbers`` of ``scored``, ``versions``, and what
            ``finish`` of ``programs/protocol.py`` tells; or ``error``.
        """
        kept = None if again else self.finished()
        if kept is not None:
            logger.info("%s is finished already (%s)", self.peer.name, self.folder)
            return kept
        row: dict[str, Any] = {
            "name": self.peer.name, "words": self.peer.words, "boxes": self.peer.boxes,
            "fingerprint": self.task.fingerprint(self.peer),
        }  # fmt: skip
        try:
            row |= self._made()
        except BadInputError as error:  # the other peers go on; this one is tried again next time
            logger.warning("%s: %s", self.peer.name, error)
            return {**row, "error": " ".join(str(error).split())}
        replace_text(self.folder / ROW, json.dumps(row, indent=1) + "\n")
        return row

    def finished(self) -> dict[str, Any] | None:
        """Return the row of an earlier run with the same data, budget, seed and program; ``None`` without one."""
        try:
            row: dict[str, Any] = json.loads((self.folder / ROW).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return row if row["fingerprint"] == self.task.fingerprint(self.peer) else None

    def _made(self) -> dict[str, Any]:
        environment = Environment(self.environments / self.peer.name, self.peer.packages)
        logger.info("%s: %s", self.peer.name, environment.python)
        environment.make()
        if not self.peer.program:
            found = ", ".join(f"{n} {v}" for n, v in environment.versions(self.peer.shown).items())
            raise BadInputError(f"installed, but {self.peer.words}", where=self.peer.name, found=found)
        for file in (FILE, FACTS):
            (self.folder / file).unlink(missing_ok=True)
        task = self.task.write(self.peer, self.folder)
        self._run([str(environment.python), str(PROGRAMS / self.peer.program), str(task.resolve())])
        given = self.peer.boxes == GIVEN
        truths = self.task.truths() if given else None
        rows = read_results(self.folder / FILE, self.task.content("test"), truths)
        facts = json.loads((self.folder / FACTS).read_text(encoding="utf-8"))
        return {
            **facts,
            "versions": environment.versions([*self.peer.shown, "torch"]),
            "numbers": scored(self.task, rows, given),
        }

    def _run(self, command: list[str]) -> None:
        environment = {
            **os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "PYTHONUNBUFFERED": "1",
            "YOLO_CONFIG_DIR": str(self.folder.resolve()), "YOLO_AUTOINSTALL": "false", "WANDB_MODE": "disabled",
        }  # fmt: skip
        log = self.folder / LOG
        limit = _START + _PATIENCE * 60 * self.task.minutes
        with log.open("w", encoding="utf-8") as file:
            try:
                done = subprocess.run(
                    command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, timeout=limit,
                    env=environment, cwd=self.folder,
                )  # fmt: skip
                status = f"status {done.returncode}" if done.returncode else ""
            except subprocess.TimeoutExpired:
                status = f"not done after {limit:.0f} s"
        if status:
            said = [
                line
                for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
                if line.strip()
            ]
            raise BadInputError(
                "the program failed", where=str(log), found=f"{status}: {(said or ['nothing'])[-1]}"
            )
