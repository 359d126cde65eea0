"""How many threads calls may use that share their points or trajectories among several."""

from tayra._arguments import MOST_COUNT, count_of

_nthreads = 0


def set_nthreads(n):
    """Sets how many threads a call may use: 0 for as many as there are processors for this process (the default).

    Compiled functions use them for many points, flows and ensembles for many trajectories unless they were given a
    number of their own. Results do not depend on it.
    """
    global _nthreads
    _nthreads = count_of(n, "set_nthreads(): n", MOST_COUNT, ValueError)


def get_nthreads():
    """What set_nthreads was given last; 0 for as many as there are processors."""
    return _nthreads
