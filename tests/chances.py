"""The probabilities of an adaptive operator by the names of its operators."""

from evoprune.operators.adaptive import AdaptiveOperator


def chances(adaptive: AdaptiveOperator) -> dict[str, float]:
    """Name -> its probability now."""
    return dict(zip(adaptive.names, adaptive.probabilities, strict=True))
