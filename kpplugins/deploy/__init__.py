"""Trained networks as files that need no PyTorch.

The map: ``onnx_export`` (a network to an ONNX file, which is kept only if ONNX Runtime gives the same outputs as
PyTorch). It takes any ``torch.nn.Module``; ``apis.export`` decides what of a trained run goes into the file.

Nothing is imported here, so that a runtime can start without torch.

Adding a new target: a module with one function that takes a network, writes a file and verifies it as ``onnx_export``
does, and a file in ``commands``.
"""
