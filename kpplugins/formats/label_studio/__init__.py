"""Label Studio: ``reader`` and ``writer``; what they and ``kpplugins serve`` share.

- ``regions``           an instance as Label Studio's ``result``
- ``labelling_config``  what a project's configuration can be told
- ``addresses``         names of the files behind a task's address
"""
