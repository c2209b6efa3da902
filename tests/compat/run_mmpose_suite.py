"""Run MMPose's own tests on the packages of this project, with the stand-ins of kpplugins.compat in place.

Not collected by pytest (its name does not start with ``test_``). See docs/mmpose_tests.md for the results.

    git clone --branch v1.3.2 --depth 1 https://github.com/open-mmlab/mmpose
    .venv/bin/python tests/compat/run_mmpose_suite.py mmpose [more arguments for pytest]
"""

import argparse
import os
import sys
from pathlib import Path

_GROUPS = ("codecs", "datasets", "models", "evaluation", "structures", "utils", "engine", "visualization")


def main() -> int:
    """Parse, move into the checkout, install the stand-ins, run pytest there; return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path, help="folder of MMPose's repository, at v1.3.2")
    parser.add_argument("--groups", nargs="+", default=_GROUPS, help="which tests/test_<group> to run")
    parser.add_argument(
        "--use-checkout", action="store_true", help="test the checkout's mmpose, not the installed"
    )
    args, pytest_args = parser.parse_known_args()
    folders = [f"tests/test_{group}" for group in args.groups]
    missing = [folder for folder in folders if not (args.checkout / folder).is_dir()]
    if missing:
        parser.error(f"{args.checkout} lacks {missing}; expected a checkout of MMPose v1.3.2")

    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    if (
        args.use_checkout
    ):  # 30 tests look for configs/ beside the package, which an installed mmpose does not have
        sys.path.insert(0, str(args.checkout.resolve()))
    os.chdir(args.checkout)  # the tests look for tests/data from here

    import pytest

    from kpplugins import compat

    for provided in compat.install():
        sys.stdout.write(f"{provided}\n")
    return pytest.main(
        ["-q", "-o", "addopts=", "-p", "no:cacheprovider", "-rfE", "--tb=short", *folders, *pytest_args]
    )


if __name__ == "__main__":
    raise SystemExit(main())
