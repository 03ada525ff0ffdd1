"""What a variant of a frontier is called: the data, the method, and the share of weights that it keeps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """A method on some data at a size."""

    data: str
    method: str
    size: float

    @property
    def name(self) -> str:
        """Its name among the variants of a study."""
        return f"{self.data},{self.method},{self.size:g}"


def point_of(variant: str) -> Point | None:
    """What the name of a variant stands for; None where it is none of a frontier."""
    try:
        data, method, size = variant.split(",")
        return Point(data, method, float(size))
    except ValueError:
        return None
