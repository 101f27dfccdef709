"""What the doctor says of one thing it looked at."""

from dataclasses import dataclass


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
