"""From records back to annotation tools. Imports ``converters`` and what lies below; never torch.

Adding a new tool: a module with ``write_NAME``, and a line in ``export``.
"""
