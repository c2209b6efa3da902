"""What all writers share: ``content``, ``folder``, ``limits`` of the tools, and ``predicted`` instances."""
