"""What vmap makes of a flow's arguments: the trajectories of one call.

Arrays are of jax or of torch; their module (torch, jax.numpy) is an argument. The arguments 0, 1, 2 are x0, ts and pars. What
maps over size points makes size trajectories of one, and size times M of M; what all of them share stays shared where it may.
"""


class Mapped:
    """The arguments of a flow, tangents and cotangents, with the axes that are mapped (None: not this one)."""

    def __init__(self, np, args, axes):
        self._np = np
        self._move = np.movedim if hasattr(np, "movedim") else np.moveaxis  # torch's vmap does not know its own moveaxis
        self.size = next(a.shape[axis] for a, axis in zip(args, axes) if axis is not None)
        self.args = [a if axis is None else self._move(a, axis, 0) for a, axis in zip(args, axes)]
        self.is_mapped = [axis is not None for axis in axes]
        self.ndims = [a.ndim - mapped for a, mapped in zip(self.args, self.is_mapped)]
        m = [a.shape[-2] for a, ndim in zip(self.args[:3], self.ndims) if ndim == 2]
        self.batch = (self.size, *m[:1])
        self.count = self.size * (m[0] if m else 1)

    def argument(self, i, share):
        """x0, ts, pars or a tangent of them for all trajectories, or, if it can be shared, as it is."""
        a, ndim, is_mapped = self.args[i], self.ndims[i], self.is_mapped[i]
        if share and ndim == 1 and not is_mapped:
            return a
        if ndim == 1:
            a = a.reshape((self.size if is_mapped else 1,) + (1,) * (len(self.batch) - 1) + a.shape[-1:])
        return self._np.broadcast_to(a, self.batch + a.shape[-1:]).reshape(self.count, a.shape[-1])

    def states(self, ys):
        """The axis that is mapped is the second one here."""
        return ys.reshape(ys.shape[:1] + self.batch + ys.shape[-1:])

    def primals_and_tangents(self, wanted):
        """For forward mode, whose tangents are those of the arguments `wanted`, behind the first three: an argument and its
        tangent are both shared or both not."""
        index = dict(zip(wanted, range(3, 6)))
        shared = [not (self.is_mapped[i] or self.is_mapped[index.get(i, i)]) for i in range(3)]
        return [self.argument(i, shared[i]) for i in range(3)] + [self.argument(index[i], shared[i]) for i in wanted]

    def primals_and_cotangent(self, wanted):
        """For reverse mode, where the cotangent of the states is the fourth: each of the trajectories needs cotangents of its
        own of the arguments `wanted`."""
        a = self.args[3]
        t, n = a.shape[-self.ndims[3]], a.shape[-1]
        a = self._move(a, 0, 1) if self.is_mapped[3] else a[:, None]
        a = self._np.broadcast_to(a, (t, *self.batch, n)).reshape(t, self.count, n)
        return [*(self.argument(i, share=i not in wanted) for i in range(3)), a]

    def cotangents(self, wanted, bars):
        """Those of the arguments `wanted`, from those of arguments that are not shared: summed where all of M share one."""
        bars = [bar.reshape(self.batch + bar.shape[-1:]) for bar in bars]
        return [bar.sum(axis=1) if len(self.batch) > self.ndims[i] else bar for i, bar in zip(wanted, bars)]
