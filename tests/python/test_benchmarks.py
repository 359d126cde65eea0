"""The benchmarks run in their quick form, compare what they time, and their tables and pictures say what was measured."""

import contextlib
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import tayra
from test_execution import needs_jit

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script, folder, *options):
    command = [sys.executable, BENCHMARKS / script, *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


@contextlib.contextmanager
def restored(*modules):
    """Takes the settings of caches back afterwards."""
    states = [m.llvm_state for m in modules]
    before = [(s.get_diskcache_enabled(), s.get_memcache_limit()) for s in states]
    yield states
    for s, (enabled, limit) in zip(states, before):
        s.set_diskcache_enabled(enabled)
        s.set_memcache_limit(limit)


@pytest.fixture
def common(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")  # what the import sets: taken back afterwards
    with restored(tayra):
        yield importlib.import_module("common")


SCRIPTS = ["training_step.py", "building.py", "functions.py", "growth.py", "gradients.py", "gradients_cost.py"]
SCRIPTS += ["gradients_at_accuracy.py"]
MOST = {"gradients.py": 1e-6, "functions.py": 1e-6}  # integrated at a tolerance of 1e-8; single precision


@pytest.mark.parametrize("script", SCRIPTS)
def test_quick(peer, script, tmp_path):
    if script == "functions.py":
        pytest.importorskip("jax"), pytest.importorskip("numexpr")
    done = run(script, tmp_path, "--quick", "--json", "results/rows.json")
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "results" / "rows.json").read_text())
    assert len(rows) >= (2 if script == "gradients_at_accuracy.py" else 4)
    for row in rows:
        assert row["work"] in done.stdout
        assert all(0 < seconds < 100 for seconds in row["seconds"].values())
        assert "tayra" in row["seconds"] and (row["difference"] is None or row["difference"] < MOST.get(script, 1e-13))


def test_picture_and_table(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [
        {"work": "fast", "seconds": {"heyoka": 1.0, "tayra": 0.0005}, "difference": None, "goal": None},
        {"work": "slow", "seconds": {"heyoka": 1e-6, "tayra": 4e-6}, "difference": None, "goal": None},
        {"work": "alone", "seconds": {"tayra": 1.0}, "difference": None, "goal": None, "most_seconds": 0.5},
    ]
    rows[0]["goal"], rows[1]["goal"] = 10.0, 1.0
    peers = {"tayra": 1e-3, "diffrax Tsit5": 6e-3, "diffrax Dopri8": 4e-3, "torchdiffeq": 1.0}
    accurate = {"work": "accurate", "seconds": peers, "tolerances": {"tayra": 1e-7}}
    accurate["goals"] = {"diffrax": 5, "torchdiffeq": 50}
    results = {"building": rows, "gradients_at_accuracy": [accurate]}
    (tmp_path / "all.json").write_text(json.dumps(results))
    done = run("run.py", tmp_path, "--results", "all.json", "--plot", "ratios.png", "--json", "again/all.json")
    assert done.returncode == 0, done.stderr
    for line in ("| fast | 1 s | 500 us | 2,000 |", "| slow | 1 us | 4 us | 0.25 |", "| alone | - | 1 s | - |"):
        assert line in done.stdout
    assert "| accurate | 1 ms (1e-07) | 6 ms | 4 ms | 1 s |" in done.stdout
    assert [line.split(":")[0].split() for line in done.stdout.splitlines() if line.startswith(("met", "MISSED"))] == [
        ["met", "fast"],
        ["MISSED", "slow"],
        ["MISSED", "alone"],
        ["MISSED", "accurate"],  # the faster solver counts
        ["met", "accurate"],
    ]
    assert json.loads((tmp_path / "again" / "all.json").read_text()) == results
    assert (tmp_path / "ratios.png").stat().st_size > 5000


@pytest.mark.parametrize("wrong", [1e-3, float("nan")])
def test_results_that_differ_are_not_timed(common, wrong):
    assert common.row("work", {"tayra": 1.0}, 1e-13)["difference"] == 1e-13
    with pytest.raises(ValueError, match="work: the results differ"):
        common.row("work", {"tayra": 1.0}, wrong)


@needs_jit
def test_both_compile_twice(common, peer):
    """The caches are off, also for what was compiled before."""

    def compile_in_both():
        for m, options in ((peer, {}), (tayra, {"execution": "jit"})):
            x = m.make_vars("x")
            m.taylor_adaptive([(x, m.cos(x))], [0.0], **options)

    with restored(peer, tayra) as both:
        for states in both:
            states.set_memcache_limit(1 << 26)
        compile_in_both()
        assert all(states.get_memcache_size() > 0 for states in both)
        importlib.reload(common).peer()
        for _ in range(2):
            assert not any(states.get_memcache_size() or states.get_diskcache_enabled() for states in both)
            compile_in_both()


def test_measure(common):
    calls = {"a": 0, "b": 0}

    def call(name):
        calls[name] += 1

    times = common.measure({name: (lambda name=name: call(name)) for name in calls}, turns=3, at_least=1e-5)
    assert set(times) == {"a", "b"} and all(0 <= t < 1 for t in times.values())
    assert calls["a"] >= 4 and calls["b"] >= 4  # once to warm up, at least once a turn


def test_difference(common):
    assert common.difference([1.0, 2.0], [1.0, 2.5]) == pytest.approx(0.2)
    with pytest.raises(AssertionError):
        common.difference([1.0], [1.0, 2.0])


@pytest.mark.parametrize("seconds, text", [(2, "2 s"), (0.0123, "12.3 ms"), (4.56e-5, "45.6 us"), (3e-10, "0.3 ns")])
def test_text_of(common, seconds, text):
    assert common.text_of(seconds) == text
