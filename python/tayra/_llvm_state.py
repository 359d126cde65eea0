"""The caches of machine code, under the names of heyoka.py."""

import pathlib

from . import _core


def _checked(limit):
    if limit < 0:
        raise ValueError(f"limit: the size of a cache cannot be negative, but is {limit}")
    return limit


class llvm_state:
    """The caches of machine code, in memory and on disk; all functions are static, and there are no objects.

    Integrators of equal equations share their code in memory, where it stays for later ones; other processes find it on disk.
    The folder is the first one that is given of: that of set_diskcache_path(); the environment variable TAYRA_CACHE;
    $XDG_CACHE_HOME/tayra; ~/.cache/tayra. TAYRA_CACHE=0 switches the cache on disk off; so does a folder that cannot be
    written, without any warning.
    """

    def __new__(cls):
        raise TypeError("llvm_state: there are no objects of this class, only static functions")

    @staticmethod
    def get_memcache_size():
        """The bytes of the code in memory."""
        return _core.get_memcache_size()

    @staticmethod
    def get_memcache_limit():
        """At most so many bytes of code stay in the cache in memory (64 MiB at first)."""
        return _core.get_memcache_limit()

    @staticmethod
    def set_memcache_limit(limit, /):
        """Sets the limit of the cache in memory: what was not used for longest goes first. 0: nothing is shared.

        Raises ValueError if it is negative.
        """
        _core.set_memcache_limit(_checked(limit))

    @staticmethod
    def clear_memcache():
        """Empties the cache in memory; code that integrators use is freed with the last of them."""
        _core.clear_memcache()

    @staticmethod
    def get_diskcache_enabled():
        """Whether there is a cache on disk: True at first, unless TAYRA_CACHE=0 or the limit is 0."""
        return _core.get_diskcache_enabled()

    @staticmethod
    def set_diskcache_enabled(flag, /):
        """Switches the cache on disk on or off."""
        _core.set_diskcache_enabled(flag)

    @staticmethod
    def get_diskcache_size():
        """The bytes of the files of the cache on disk."""
        return _core.get_diskcache_size()

    @staticmethod
    def get_diskcache_limit():
        """At most so many bytes of files stay in the cache on disk (256 MiB at first)."""
        return _core.get_diskcache_limit()

    @staticmethod
    def set_diskcache_limit(limit, /):
        """Sets the limit of the cache on disk: files that were not used for longest are removed first. 0: no cache.

        Raises ValueError if it is negative.
        """
        _core.set_diskcache_limit(_checked(limit))

    @staticmethod
    def clear_diskcache():
        """Removes the files of the cache on disk."""
        _core.clear_diskcache()

    @staticmethod
    def get_diskcache_path():
        """The folder of the cache on disk, a pathlib.Path. Raises RuntimeError if there is none."""
        return pathlib.Path(_core.get_diskcache_path())

    @staticmethod
    def set_diskcache_path(path, /):
        """Sets the folder of the cache on disk, a text, bytes or os.PathLike; an empty one: back to the environment's."""
        _core.set_diskcache_path(path)
