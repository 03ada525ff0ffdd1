from .engines import (
    ATTEMPTS,
    ENGINES,
    Engine,
    ProcessEngine,
    ScoopEngine,
    calm_scoop,
    make_engine,
    scoop_is_running,
)
from .tasks import WorkerError

__all__ = [
    "ATTEMPTS",
    "ENGINES",
    "Engine",
    "ProcessEngine",
    "ScoopEngine",
    "WorkerError",
    "calm_scoop",
    "make_engine",
    "scoop_is_running",
]
