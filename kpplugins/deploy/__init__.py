"""Trained networks as files that need no PyTorch.

- ``graphs/``           whole models as ``torch.nn.Module``s, from an image to keypoints in it
- ``targets/``          the formats that they are written in
- ``description``       what ``model.json`` says of them
- ``replaced_folder``   the folder, written whole or not at all
- ``exported_folder``   the folder, read
- ``runtimes/``         what runs them

Nothing is imported here, so that a runtime can start without torch: ``graphs`` and ``targets`` alone need it.

Adding a new target: see ``targets``; a new kind of model: see ``graphs``.
"""
