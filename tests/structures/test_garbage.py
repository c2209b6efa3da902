import gc

import pytest

from kpplugins.structures.garbage import without_collections


def test_collections_go_on_after_an_error_too():
    with pytest.raises(ValueError), without_collections():
        with without_collections():
            pass
        assert not gc.isenabled()
        raise ValueError
    assert gc.isenabled()
