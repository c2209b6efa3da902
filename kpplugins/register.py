"""Importing this module installs the upstream stand-ins and registers every class of kpplugins in MMPose.

Configs do it by ``custom_imports = dict(imports=['kpplugins.register'])``.
"""

from kpplugins import compat
from kpplugins.compat import checkpoints

compat.install()
checkpoints.install()

import mmpose.codecs  # noqa: E402, F401
import mmpose.datasets  # noqa: E402, F401
import mmpose.evaluation  # noqa: E402, F401
import mmpose.models  # noqa: E402, F401
import mmpose.visualization  # noqa: E402, F401

import kpplugins.datasets  # noqa: E402, F401
import kpplugins.engine  # noqa: E402, F401
import kpplugins.evaluation  # noqa: E402, F401
import kpplugins.models  # noqa: E402, F401
