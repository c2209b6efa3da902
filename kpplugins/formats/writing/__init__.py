"""Shared by all writers: ``content``, ``folder``, ``limits`` of the tools, and ``predicted`` instances."""
