from .engines import (
    ATTEMPTS as ATTEMPTS,
    ENGINES as ENGINES,
    Engine as Engine,
    ProcessEngine as ProcessEngine,
    ScoopEngine as ScoopEngine,
    calm_scoop as calm_scoop,
    make_engine as make_engine,
    scoop_is_running as scoop_is_running,
)
from .lifeline import shortfall as shortfall
from .tasks import WorkerError as WorkerError
