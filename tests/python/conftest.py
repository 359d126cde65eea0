"""What all tests share: the peer if it is installed, random numbers with a fixed seed, short systems."""

import atexit
import os
import shutil
import tempfile

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

import tayra as hk

pytest.register_assert_rewrite("event_support")

# Machine code goes to a folder of these tests and of the processes that they start, not to the user's.
os.environ["TAYRA_CACHE"] = tempfile.mkdtemp(prefix="tayra-tests-")
atexit.register(shutil.rmtree, os.environ["TAYRA_CACHE"], ignore_errors=True)

settings.register_profile("tayra", deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
settings.load_profile("tayra")


@pytest.fixture(scope="session")
def peer():
    """heyoka.py, with which numbers and texts are compared."""
    return pytest.importorskip("heyoka")


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture
def oscillator():
    """An oscillator with a parameter: x' = v, v' = -par[0] x."""
    x, v = hk.make_vars("x", "v")
    return [(x, v), (v, -hk.par[0] * x)]
