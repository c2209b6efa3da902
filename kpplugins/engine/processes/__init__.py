"""Training and testing by several processes: how they find each other, and how a restarted job goes on.

The map: ``join`` makes a process one of its group, ``wrapping`` says how its model is wrapped; ``told_restart`` and
``keep_job`` let a job that its launcher starts anew resume.

Adding a new launcher: the names of its variables in ``joining.VARIABLES``, and in ``restarts`` what tells its jobs
apart, if it starts them anew.
"""
