"""Names of heyoka.py for events, which are not implemented yet."""

import enum


class event_direction(enum.Enum):
    """The direction in which an event's function crosses zero."""

    any = 0
    positive = 1
    negative = -1


def t_event(*args, **kwargs):
    """Terminal events are not implemented yet: raises NotImplementedError."""
    raise NotImplementedError("terminal events are not implemented here")


def nt_event(*args, **kwargs):
    """Non-terminal events are not implemented yet: raises NotImplementedError."""
    raise NotImplementedError("non-terminal events are not implemented here")
