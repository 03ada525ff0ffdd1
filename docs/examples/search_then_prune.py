"""Design, then prune: a genetic search finds an architecture, and the spatial coevolution makes it small."""

from typing import Any

from evoprune.benchmarks import architectures, run, settings


def main(generations: int = 13, epochs: int = 80, pruning: int = 60, cells: int = 5) -> dict[str, Any]:
    """Search on the digits, prune what was found to a fifth of its weights, and return the last run's summary."""
    wanted = architectures.make_settings({"generations": generations, "final_epochs": epochs, "code": 10})
    found = architectures.start(wanted, bar=True)
    print(
        f"{found.summary['architecture']}: {found.summary['parameters']:,} parameters, {found.summary['trained']} tried"
    )

    # On the command line: evoprune run --benchmark digits --data-seed 0 --network "from DIR", DIR being the search's.
    small = settings.make_settings(
        {
            "benchmark": "digits",
            "data_seed": wanted.data_seed,  # the same split, so that the held-out digits stay unseen
            "network": found.summary["architecture"],
            "loss": "mse",
            "operator": "magnitude",
            "target_preserved": 0.2,
            "batch_size": 32,
            "learning_rate": 3e-3,
            "generations": pruning,
            "cells": cells,
        }
    )
    pruned = run.start(small, bar=True)
    before, after = pruned.summary["unpruned"], pruned.summary
    print(f"all weights: held-out error {before['best_test_loss']:.4f}")
    print(f"{after['best_preserved']:.0%} of them: held-out error {after['best_test_loss']:.4f}")
    return after


if __name__ == "__main__":
    main()
