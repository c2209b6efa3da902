"""Parts of ``apis.sweep``: the ``parameter`` that is varied, and the ``study`` that remembers the trials."""
