"""From annotation formats to records. Imports ``structures`` and nothing above it; never torch.

The map: ``cat`` reads the CAT dataset's ``NAME.jpg.cat`` files, ``pictures`` reads the size of a picture and finds
broken ones, ``splits`` divides records into train, val and test, ``reading`` is what every reader returns, and
``sample_cats`` draws cats in the CAT layout.

Adding a new format: a module with ``read_NAME(source, *, skip_bad) -> Reading`` that checks every value it takes from
a file and files each fault with ``Reading.bad``; nothing is dropped without a line there.
"""

from kpplugins.converters.reading import Reading

__all__ = ["Reading"]
