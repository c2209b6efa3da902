"""Time of a processor, children included."""

import subprocess
import sys
import time

from kpplugins.engine.clocks import CLOCKS, processor_seconds

BUSY = """
import time
while time.process_time() < 0.5: pass
print('done', flush=True)
input()
"""


def test_sleep_is_no_work_and_work_is():
    start, wall = processor_seconds(), CLOCKS["wall"]()
    time.sleep(0.3)
    slept = processor_seconds() - start
    assert CLOCKS["wall"]() - wall >= 0.3 and slept < 0.2
    end = time.process_time() + 0.4
    while time.process_time() < end:
        pass
    assert processor_seconds() - start >= 0.38


def test_a_worker_counts_while_it_lives_and_when_it_has_ended():
    start = processor_seconds()
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "done\n"
        alive = processor_seconds() - start
        worker.communicate("\n")
    ended = processor_seconds() - start
    assert alive >= 0.48 and ended >= alive - 0.02
