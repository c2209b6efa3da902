"""Trained networks as files that need no PyTorch.

The map: ``onnx_export`` (a network to an ONNX file, which gets its name only after ONNX Runtime has given the same as
PyTorch). It takes any ``torch.nn.Module``; what of a trained run goes into the file is ``apis.export``'s business.

Nothing is imported here, so that a runtime can start without torch.

Adding a new target: a module with one function that takes a network, writes a file and proves it as ``onnx_export``
does, and a file in ``commands``.
"""
