import numpy as np
from scipy.stats import kstest, truncnorm

import kpplugins.register  # noqa: F401
from kpplugins.datasets.transforms import RandomBoxTransform


def test_the_distribution_is_the_truncated_normal_one():
    np.random.seed(0)
    drawn = RandomBoxTransform._truncnorm(-1.0, 1.0, size=(5000,))
    assert drawn.dtype == np.float32
    assert kstest(drawn, truncnorm(-1, 1).cdf).pvalue > 0.01
    assert RandomBoxTransform._truncnorm(size=(2, 3)).shape == (2, 3)
