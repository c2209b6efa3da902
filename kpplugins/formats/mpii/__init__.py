"""MPII Human Pose: ``person`` builds records, ``mat`` parses the published file, ``json_lists`` others' JSON files."""
