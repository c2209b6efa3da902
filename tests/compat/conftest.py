"""Put the stand-ins in place before anything imports mmcv.ops or MMPose."""

from kpplugins import compat

compat.install()
