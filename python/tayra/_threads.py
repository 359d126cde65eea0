"""How many threads calls may use that share their points or trajectories among several."""

import operator

_nthreads = 0


def set_nthreads(n):
    """Sets how many threads a call may use: 0 for as many as there are processors for this process (the default).

    Compiled functions use them for many points, flows for many trajectories unless they were given a number of their own.
    Results do not depend on it.
    """
    global _nthreads
    n = operator.index(n)
    if not 0 <= n < 2**32:
        raise ValueError(f"n: a number of threads was expected, or 0 for all processors, not {n}")
    _nthreads = n


def get_nthreads():
    """What set_nthreads was given last; 0 for as many as there are processors."""
    return _nthreads
