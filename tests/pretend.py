"""A native kernel that is there or not, whatever was built."""

import pytest

from evoprune.training import native


def pretend(
    patch: pytest.MonkeyPatch, variant: str = "avx2", arithmetic: str = "fused", missing: str = "", refuses: str = ""
) -> None:
    """Have a kernel of that variant; none, for a reason; or one that refuses all networks, for a reason."""
    patch.setattr(native, "missing", lambda: missing)
    patch.setattr(native, "best", lambda: variant)
    patch.setattr(native, "arithmetic", lambda variant: arithmetic)
    patch.setattr(native, "refuses", lambda *_: refuses, raising=False)
