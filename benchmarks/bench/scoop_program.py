"""The part of ``evoprune bench scaling`` that runs under SCOOP: a file for :func:`evoprune.engines.launcher.launch`."""

import json
import sys
import time
from pathlib import Path


def main(order: str, answer: str) -> int:
    """Measure what the file ``order`` asks for and leave it in ``answer``."""
    import torch

    from evoprune.benchmarks.bench.levels import Work
    from evoprune.benchmarks.bench.scaling import on, warm
    from evoprune.benchmarks.bench.shipping import costs
    from evoprune.engines import make_engine

    torch.set_num_threads(1)
    asked = json.loads(Path(order).read_text())
    work = Work(**asked["work"])
    with make_engine("scoop") as engine:
        warm(engine)
        started = time.time() - asked["launched"]
        report = on(engine, work, started, *costs(work))
    Path(answer).write_text(json.dumps(report))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
