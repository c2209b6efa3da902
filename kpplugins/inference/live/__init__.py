"""Prediction as it goes: capture, network and drawing side by side, a window, and what is kept. Never torch.

- ``pipeline``   ``Pipeline``: stages in threads with bounded queues between them
- ``rate``       frames per second and latency, as they are now
- ``window``     ``Window``: images on the screen, and the keys that were pressed
- ``recorder``   ``Recorder``: an MP4 file
- ``overlay``    what is written on the image

Adding a new stage: a function of one item, in the list that ``Pipeline`` is given.
"""
