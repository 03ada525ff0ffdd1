"""The compiled kernel, if it was built: which variants there are, and why there is none."""


def missing() -> str:
    """Why there is no kernel here; empty where there is one."""
    return "it was not built"


def best() -> str:
    """The fastest variant that this processor runs."""
    return ""


def arithmetic(variant: str) -> str:
    """Whether a variant rounds products and sums together ("fused"), or one by one ("separate")."""
    return ""
