from .engines import (
    ATTEMPTS as ATTEMPTS,
    Engine as Engine,
    ProcessEngine as ProcessEngine,
    ScoopEngine as ScoopEngine,
    calm_scoop as calm_scoop,
    scoop_is_running as scoop_is_running,
)
from .lifeline import shortfall as shortfall
from .registry import (
    ENGINES as ENGINES,
    make_engine as make_engine,
)
from .tasks import WorkerError as WorkerError
from .threads import ThreadEngine as ThreadEngine
