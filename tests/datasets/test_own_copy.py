import numpy as np

from kpplugins.datasets.own_copy import own_copy


def test_nothing_is_shared_that_can_change():
    value = [1, "a", None, [2.0, [3]], (4, [5]), (6, 7), np.arange(3), {"b": [8]}]
    copied = own_copy(value)
    value[3][1][0] = value[4][1][0] = value[7]["b"][0] = 99
    value[6][0] = 99
    assert copied[:6] == [1, "a", None, [2.0, [3]], (4, [5]), (6, 7)]
    assert copied[6].tolist() == [0, 1, 2] and copied[7] == {"b": [8]}


def test_arrays_of_objects_are_copied_deeply():
    inner = [1]
    copied = own_copy(np.array([inner, None], dtype=object))
    inner[0] = 2
    assert copied[0] == [1]
