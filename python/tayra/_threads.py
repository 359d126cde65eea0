"""How many threads calls may use that share their points or trajectories among several."""

from tayra._options import check_count

MOST_THREADS = 2**32 - 1
_nthreads = 0


def set_nthreads(n):
    """Sets how many threads a call may use: 0 for as many as there are processors for this process (the default).

    Compiled functions use them for many points, flows for many trajectories unless they were given a number of their own.
    Results do not depend on it.
    """
    global _nthreads
    _nthreads = check_count("set_nthreads(): n", n, MOST_THREADS)


def get_nthreads():
    """What set_nthreads was given last; 0 for as many as there are processors."""
    return _nthreads
