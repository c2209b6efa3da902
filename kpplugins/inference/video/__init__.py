"""Where images come from, besides image files: videos, cameras and streams. Never torch.

- ``frame``          one image of them, with its time
- ``video_reader``   ``VideoReader``, every frame of a video file
- ``camera``         ``Camera``, always the newest frame of a camera, a stream, or a video that plays
- ``opening``        what OpenCV opens: its time-outs, and why it did not
- ``input_files``    the images and videos among files, folders and patterns

Adding a new source: an iterable of ``Frame``.
"""
