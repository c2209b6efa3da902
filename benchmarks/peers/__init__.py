"""Peers on the same data, with the same budget, judged by the same evaluator: ``python -m benchmarks.peers``.

- ``peer``         a program that is compared, and the list of them
- ``environment``  the virtual environment of a peer
- ``task``         the data, the budget and the seed, as every program gets them
- ``program_run``  runs a peer's program, once
- ``results``      the neutral form of predictions: COCO keypoint results
- ``scoring``      the numbers of one peer's predictions
- ``table``        the results side by side
- ``programs``     what each peer runs in its own environment; none of them imports this package

Adding a peer: a program in ``programs`` that reads ``task.json`` and calls ``finish`` of ``programs/protocol.py``, and
an entry in ``PEERS``. Packages that a peer installs are never dependencies of this project.
"""
