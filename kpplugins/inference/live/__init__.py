"""Runs of a predictor: images, videos and cameras, with capture, network, drawing and writing side by side. No torch.

- ``run_settings``, ``run_report``   what a run is asked for, and what came of it
- ``image_run``, ``video_run``, ``live_run``   one kind of run each
- ``follower``   ``Follower``: a predictor in a video, with track ids and smoothing
- ``pipeline``   ``Pipeline``: stages in threads with bounded queues between them
- ``rate``       frames per second and latency, as they are now
- ``window``     ``Window``: images on the screen, and the keys that were pressed
- ``recorder``   ``Recorder``: an MP4 file
- ``overlay``    what is written on the image

Adding a new stage: a function of one item, in the list that ``Pipeline`` is given.
"""
