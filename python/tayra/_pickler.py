"""Which module makes pickles of what the user wrote."""

import pickle


def pickler():
    """cloudpickle also takes functions that cannot be imported: those of notebooks, and those inside other functions."""
    try:
        import cloudpickle
    except ImportError:
        return pickle
    return cloudpickle
