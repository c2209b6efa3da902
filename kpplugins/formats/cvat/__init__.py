"""CVAT 1.1 XML: ``reader``, ``writer``, and the labels that each of them knows."""
