"""The package as a whole: names, documentation, the interface of the peer."""

import enum
import inspect

import pytest

import tayra as hk

# What the peer has and tayra has not: other real types, batches, orbital models, its compiler.
MISSING = {
    "dfun", "ensemble_propagate_for_batch", "ensemble_propagate_grid_batch", "ensemble_propagate_until_batch",
    "eop_data", "eop_data_row", "func_args", "get_serialization_backend",
    "install_custom_numpy_mem_handler", "llvm_multi_state",
    "nt_event_batch", "real", "real128", "real_prec_max", "real_prec_min", "recommended_simd_size",
    "remove_custom_numpy_mem_handler", "set_serialization_backend", "sw_data", "sw_data_row",
    "t_event_batch", "taylor_adaptive_batch", "test",
}  # fmt: skip


def test_names_of_the_peer(peer):
    """The list above is exact: a name that is added here must be taken from it."""
    suffixes = ("_batch_dbl", "_batch_flt", "_dbl", "_flt", "_f128", "_ldbl", "_real")
    theirs = {n for n in dir(peer) if not n.startswith("_") and not n.startswith("set_logger_level")}
    theirs = {n for n in theirs if not n.endswith(suffixes)}
    assert theirs - set(dir(hk)) == MISSING


def test_public_names():
    for name in ("expression", "cfunc", "taylor_adaptive", "model", "par", "time", "pi", "sum", "var_args"):
        assert name in hk.__all__
    assert not {"enum", "compiled", "functions", "tensors"} & set(hk.__all__)
    assert hk.__version__


def test_everything_is_documented():
    modules = [hk, hk.model]
    for module in modules:
        assert module.__doc__
        for name in module.__all__:
            item = getattr(module, name)
            if not callable(item) or isinstance(item, (hk.expression, enum.EnumMeta)):
                continue
            assert item.__doc__ and len(item.__doc__) > 10, name
            if not inspect.isclass(item):
                continue
            for attribute, value in vars(item).items():
                if not attribute.startswith("_"):
                    assert value.__doc__, f"{name}.{attribute}"


@pytest.mark.parametrize("name", ["sin", "sigmoid", "relu", "atan2", "diff", "subs", "cfunc", "taylor_adaptive"])
def test_signatures(name):
    function = getattr(hk, name)
    assert function.__name__ == name and inspect.signature(function).parameters
