"""What the doctor says of one thing it looked at."""

from dataclasses import dataclass

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


@dataclass(frozen=True, slots=True)
class Finding:
    """`to_do` is empty where nothing is wrong."""

    what: str
    seen: str
    to_do: str = ""

    @property
    def ok(self) -> bool:
        return not self.to_do

    def __str__(self) -> str:
        if self.ok:
            return f"ok     {self.what}: {self.seen}"
        return f"WRONG  {self.what}: {self.seen}\n       {self.to_do}"


def duration(seconds: float) -> str:
    """In the largest unit of which there are two or more: `47 s`, `3 min`, `26 h`, `4 d`."""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
