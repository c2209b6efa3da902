"""Files on the disk, in archives, and at addresses that fsspec opens. Never torch.

A path may lead through an archive, as if that were a folder: ``cats.zip/images/a.jpg``. It may also begin with a
protocol: ``s3://bucket/cats/images/a.jpg``, or ``s3:/bucket/…`` as a ``Path`` spells it. Both go together. What is on
the disk is read from the disk: a folder that is there is never looked for in an archive.

- ``files``         what is asked of a path: is it a file, what is in it; the only module that others need
- ``archive``       the files of an archive: a zip, tar files, an LMDB
- ``zip_files``, ``tar_files``, ``lmdb_files``  reading and writing each of them, side by side
- ``members``       which files an archive has (``member``), and where in it, in a few arrays that processes share
- ``array_file``    arrays in one file, mapped
- ``disk``, ``remote``  what files lie on; ``byte_source`` and ``disk_file``: parts of a file by their place

Nothing that an archive holds is unpacked to the disk, links in it are not followed, and a member takes no more memory
than it has bytes. All is safe to use in processes that were forked, and in threads.

Adding a new kind of archive: a module that lists its members, each with the place of its bytes, and a line in
``archive``.
"""
