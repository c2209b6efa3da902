"""Runs commands in forks of itself: each is a process of its own, but what all import is imported once, here.

Started as ``python tests/forks.py MODULE …`` by ``conftest.Forks``. A line of stdin is a JSON list of commands that
run at the same time: ``argv`` (a script with its arguments, or ``-c`` and code), ``cwd``, ``env``, and the files
``out`` and ``err``. The answer is a line with the list of their exit statuses. When one fails, the others are ended.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import sys
from pathlib import Path


def main() -> None:
    """Import, then serve; a fork leaves by what its command raises, or by the end of this function."""
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what imports print is no answer
    for name in sys.argv[1:]:
        importlib.import_module(name)
    gc.freeze()  # so that no fork looks through what it shares
    while line := sys.stdin.readline():
        numbers: dict[int, int] = {}
        for number, command in enumerate(json.loads(line)):
            child = os.fork()
            if not child:
                become(**command)
                return
            numbers[child] = number
        statuses: dict[int, int] = {}
        while len(statuses) < len(numbers):
            child, status = os.wait()
            statuses[numbers[child]] = os.waitstatus_to_exitcode(status)
            if status:
                for other, number in numbers.items():
                    if number not in statuses:
                        os.kill(other, signal.SIGTERM)
        answers.write(json.dumps([statuses[number] for number in sorted(statuses)]) + "\n")
        answers.flush()


def become(argv: list[str], cwd: str, env: dict[str, str], out: str, err: str) -> None:
    """Do what ``python *argv`` does."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, path in enumerate((os.devnull, out, err)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    if argv[0] == "-c":
        sys.argv, sys.path[0] = ["-c", *argv[2:]], ""
        exec(compile(argv[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv, sys.path[0] = argv, str(Path(argv[0]).parent)
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
