"""Where work is done: in this process and its threads, in processes of this machine, or on SCOOP's workers.

What belongs here: engines for DEAP's map slot, how tasks travel, how workers start, end and are watched. What does not:
what a task does.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
