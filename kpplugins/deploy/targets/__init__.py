"""The formats that a graph is written in, one class each: what ``kpplugins export --to`` chooses from.

- ``export_target``   what a target has and does
- ``registry``        ``TARGETS``, by name
- ``onnx_target``     ONNX, by PyTorch's exporter; ``onnx_precision`` makes its network float16 or int8
- ``openvino_target``, ``torchscript_target``, ``litert_target``, ``coreml_target``

Adding a new target: a class like ``OnnxTarget``, a line in ``registry``, a class in ``deploy.runtimes`` that runs what
it writes, a line in its ``open_runtime``, and its packages as an extra in setup.cfg.
"""
