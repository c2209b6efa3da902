"""Annotation formats, one file or folder each, reading and writing side by side. Never torch.

- ``registry``     the known formats, and detecting that of a source
- ``open_source``  a source in any format as an ``AnnotationSet``
- ``load_annotations``  the same, for use in your own code
- ``writing``      shared by all writers: what is written, where images go, what a tool cannot hold
- ``prelabels``      predictions that people correct, kept beside what they make of them
- ``demo_json``    predictions as ``kpplugins demo`` writes them, for annotation tools
- ``frames``       predictions frame by frame, written as they come, and in the formats of other programs
- the rest: one format each; in a folder, ``reader`` reads and ``writer`` writes it

Adding a new format: a module with ``is_NAME(source)``, which never raises, and ``read_NAME(source, *, skip_bad)``,
which checks every value that it takes from a file and puts each fault into ``AnnotationSet.faults``; a line in
``registry``, with ``instead_of`` where the files resemble those of another format. To write it: ``write_NAME`` in
``writer``, and a line in ``curation.export``.
"""
