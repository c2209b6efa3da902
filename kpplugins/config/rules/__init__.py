"""One object for each special name at the top of a config."""
