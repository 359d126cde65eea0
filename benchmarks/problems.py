"""The systems that are measured, each a function of the module (tayra or heyoka) that is to build it."""

import functools
import types

import numpy as np

N = 6
IC = [2.0, 0.0, 0.0, 1.0, 0.0, 0.0]
T_GRID = np.linspace(0.0, 20, 1000)
A = np.array(
    [
        [0.0, 0.0, 0.0, 1.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
        [-2.5, 2.0, 0.0, 0.0, 0.0, 0.0],
        [2.0, -5.4, 3.4, 0.0, 0.0, 0.0],
        [0.0, 3.4, -3.4, 0.0, 0.0, 0.0],
    ]
)
B = [0, 0, 0, -3.5, 0.26, 3.74]


def variables(m):
    return m.make_vars(*[f"x_{i}" for i in range(1, N + 1)])


def masses_on_springs(m):
    """The observed system of the tutorial."""
    x = variables(m)
    return m.taylor_adaptive(list(zip(x, A @ np.array(x) + B)), IC, tol=1e-18)


def network_equations(m, hidden):
    """x' = f(x), f a network whose weights and biases are parameters."""
    x = variables(m)
    activations = [m.tanh] * len(hidden) + [lambda v: v]
    return list(zip(x, m.model.ffnn(inputs=x, nn_hidden=hidden, n_out=N, activations=activations)))


def count_weights(hidden):
    """Weights and biases of that network."""
    sizes = [N, *hidden, N]
    return sum((n_in + 1) * n_out for n_in, n_out in zip(sizes[:-1], sizes[1:]))


def sensitivities(m, equations):
    """Its variational equations with respect to all parameters."""
    return m.var_ode_sys(equations, args=m.var_args.params)


def network_integrator(m, system):
    return m.taylor_adaptive(system, IC, compact_mode=True, tol=1e-8)


def inference_network(m, weights, hidden=(32, 32)):
    """(outputs, inputs) of a network 4-32-32-1 with numbers as weights."""
    x = list(m.make_vars("inp_1", "inp_2", "inp_3", "inp_4"))
    activations = [m.tanh] * len(hidden) + [m.sigmoid]
    return m.model.ffnn(inputs=x, nn_hidden=list(hidden), n_out=1, activations=activations, nn_wb=weights), x


def executed(module, execution):
    """tayra, but its integrators are machine code from the beginning ("jit"), or never ("vm")."""
    proxy = types.SimpleNamespace(**vars(module))
    proxy.taylor_adaptive = functools.partial(module.taylor_adaptive, execution=execution)
    return proxy


def three_bodies(m):
    """The circular restricted three-body problem in the rotating frame, mu = 0.01."""
    x, y, px, py = m.make_vars("x", "y", "px", "py")
    mu = 0.01
    a, b = x - mu, x - mu + 1
    p, q = (1 - mu) / m.sqrt(a**2 + y**2) ** 3, mu / m.sqrt(b**2 + y**2) ** 3
    equations = [(x, px + y), (y, py - x), (px, py - p * a - q * b), (py, -px - p * y - q * y)]
    return m.taylor_adaptive(equations, [-0.45, 0.8, -0.8, -0.45])


def far_bodies(m, n, **events):
    """Far from each other; heyoka in compact mode, as its default mode compiles for minutes."""
    states = np.random.default_rng(0).normal(size=(n, 6)) * [10, 10, 10, 0.3, 0.3, 0.3]
    return m.taylor_adaptive(m.model.nbody(n), states.ravel(), compact_mode=True, **events)


def twelve_bodies(m, **events):
    return far_bodies(m, 12, **events)


def meeting_bodies(m):
    """The same, with an event when two of them come nearer than 0.5."""
    places = [m.make_vars(*[f"{axis}_{i}" for axis in "xyz"]) for i in range(12)]
    distances = [m.sum([(a - b) ** 2 for a, b in zip(p, q)]) for i, p in enumerate(places) for q in places[:i]]
    return twelve_bodies(m, nt_events=[m.nt_event(d - 0.25, lambda ta, time, sign: None) for d in distances])


def twenty_bodies(m):
    return far_bodies(m, 20)


def sixty_four_bodies(m):
    return far_bodies(m, 64)


def pendulum(m, **events):
    return m.taylor_adaptive(m.model.pendulum(), [1.3, 0.2], **events)


def turning_pendulum(m):
    """With an event where it turns."""
    return pendulum(m, nt_events=[m.nt_event(m.make_vars("v"), lambda ta, time, sign: None)])


def oscillator(m):
    x, v = m.make_vars("x", "v")
    return m.taylor_adaptive([(x, v), (v, -x)], [1.3, 0.2])


def henon_heiles(m):
    """[HenonHeiles1964]"""
    x, y, px, py = m.make_vars("x", "y", "px", "py")
    return m.taylor_adaptive([(x, px), (y, py), (px, -x - 2.0 * x * y), (py, -y - x * x + y * y)], [0.0, 0.1, 0.45, 0.1])


def kepler(m):
    """An orbit of eccentricity 0.44."""
    x, y, px, py = m.make_vars("x", "y", "px", "py")
    pull = (x * x + y * y) ** -1.5
    return m.taylor_adaptive([(x, px), (y, py), (px, -x * pull), (py, -y * pull)], [1.0, 0.0, 0.0, 1.2])


def pendulum_derivatives(m):
    """With respect to its initial state, up to the sixth: hundreds of products and sums that do not feed back."""
    system = m.var_ode_sys(m.model.pendulum(), m.var_args.vars, order=6)
    return m.taylor_adaptive(system, [1.3, 0.2], compact_mode=True)


def lorenz(m):
    x, y, z = m.make_vars("x", "y", "z")
    equations = [(x, 10.0 * (y - x)), (y, x * (28.0 - z) - y), (z, x * y - 8.0 / 3.0 * z)]
    return m.taylor_adaptive(equations, [1.0, 2.0, 3.0])


# Sun, Jupiter, Saturn, Uranus, Neptune, Pluto on 5 September 1994, [HLW2006, I.2.4]: solar masses, AU, AU/day. The inner
# planets are in the Sun's mass.
GRAVITY = 2.95912208286e-4
MASSES = [1.00000597682, 0.000954786104043, 0.000285583733151, 0.0000437273164546, 0.0000517759138449, 1 / 1.3e8]
BODIES = [
    [0, 0, 0, 0, 0, 0],
    [-3.5023653, -3.8169847, -1.5507963, 0.00565429, -0.00412490, -0.00190589],
    [9.0755314, -3.0458353, -1.6483708, 0.00168318, 0.00483525, 0.00192462],
    [8.3101420, -16.2901086, -7.2521278, 0.00354178, 0.00137102, 0.00055029],
    [11.4707666, -25.7294829, -10.8169456, 0.00288930, 0.00114527, 0.00039677],
    [-15.5387357, -25.2225594, -3.1902382, 0.00276725, -0.00170702, -0.00136504],
]


def outer_solar_system(m):
    return m.taylor_adaptive(m.model.nbody(6, masses=MASSES, Gconst=GRAVITY), np.array(BODIES, dtype=float).ravel())
