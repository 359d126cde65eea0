"""The caches of machine code: names and behaviour of the peer's, code that a later process finds on disk."""

import os
import pathlib
import subprocess
import sys
import threading

import pytest

import tayra as hk
from test_execution import kepler, needs_jit

states = hk.llvm_state


@pytest.fixture(autouse=True)
def restored(tmp_path):
    """Empty caches and a new folder for each test, and the settings of before afterwards."""
    limits = states.get_memcache_limit(), states.get_diskcache_limit()
    states.clear_memcache()
    states.set_diskcache_path(tmp_path / "cache")
    yield
    states.set_memcache_limit(limits[0])
    states.set_diskcache_limit(limits[1])
    states.set_diskcache_enabled(True)
    states.set_diskcache_path("")


def test_names_of_the_peer(peer):
    names = {n for n in dir(peer.llvm_state) if "cache" in n}
    assert names == {n for n in dir(states) if not n.startswith("_")}


def test_settings(tmp_path):
    assert states.get_diskcache_enabled() and states.get_diskcache_path() == tmp_path / "cache"
    for path in (str(tmp_path), bytes(tmp_path), tmp_path):
        states.set_diskcache_path(path)
        assert states.get_diskcache_path() == tmp_path
    states.set_diskcache_path("")
    assert states.get_diskcache_path() == pathlib.Path(os.environ["TAYRA_CACHE"])
    states.set_diskcache_enabled(False)
    assert states.get_diskcache_enabled() is False
    states.set_memcache_limit(12345)
    states.set_diskcache_limit(67890)
    assert (states.get_memcache_limit(), states.get_diskcache_limit()) == (12345, 67890)


@pytest.mark.parametrize("call", [states.set_memcache_limit, states.set_diskcache_limit])
def test_wrong_limits(call):
    with pytest.raises(ValueError, match="negative"):
        call(-1)
    for limit in (1.5, "1", None):
        with pytest.raises(TypeError):
            call(limit)
    with pytest.raises(OverflowError):
        call(2**70)


def test_wrong_paths():
    for path in (3, None):
        with pytest.raises(TypeError):
            states.set_diskcache_path(path)
    with pytest.raises(ValueError, match="null"):
        states.set_diskcache_path("a\0b")
    with pytest.raises(ValueError, match="path: expected fewer than"):
        states.set_diskcache_path("x" * 10_000)
    with pytest.raises(TypeError, match="only static functions"):
        hk.llvm_state()


@needs_jit
def test_sizes_and_clearing(tmp_path):
    assert states.get_memcache_size() == states.get_diskcache_size() == 0
    ta = kepler(execution="jit")
    one = states.get_memcache_size()
    file = next((tmp_path / "cache").iterdir())
    assert one > 0 and states.get_diskcache_size() == file.stat().st_size
    kepler(execution="jit")
    assert states.get_memcache_size() == one
    states.set_memcache_limit(one - 1)
    states.clear_diskcache()
    assert states.get_memcache_size() == states.get_diskcache_size() == 0
    ta.propagate_until(1.0)
    states.set_diskcache_enabled(False)
    kepler(execution="jit")
    assert states.get_memcache_size() == states.get_diskcache_size() == 0


CHILD = """
import os, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import tayra as hk
from test_execution import kepler
ta = kepler(execution="jit")
ta.propagate_until(2.0)
print(ta.execution, *(x.hex() for x in ta.state))
"""


@needs_jit
def test_later_processes_find_it(tmp_path):
    """Several at once, then one more, which leaves the file as it is; without permission to write nothing happens."""
    folder = tmp_path / "cache"
    command = [sys.executable, "-W", "error", "-c", CHILD, os.path.dirname(__file__)]

    def run(path=folder):
        done = subprocess.run(command, env={**os.environ, "TAYRA_CACHE": str(path)}, capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout

    ends = [None] * 3
    threads = [threading.Thread(target=lambda i=i: ends.__setitem__(i, run())) for i in range(3)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    files = sorted(folder.iterdir())
    before = [f.stat().st_ino for f in files]
    assert files and all(f.suffix == ".code" for f in files)
    assert ends[0].startswith("jit ") and {*ends, run()} == {ends[0]}
    assert sorted(folder.iterdir()) == files and [f.stat().st_ino for f in files] == before
    for nowhere in ("0", "/dev/null/x", "/proc/self"):
        assert run(nowhere) == ends[0]
