"""How many cases of a collection are right, which are not, and which are left out and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Tally:
    name: str
    right: int = 0
    wrong: list[str] = field(default_factory=list)
    """What is wrong, one sentence a case."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Case to reason."""

    def judge(self, case: str, *, right: bool, what: object = "") -> None:
        if right:
            self.right += 1
        else:
            self.wrong.append(f"{case}: {what}")

    def leave_out(self, reasons: Mapping[str, str]) -> None:
        self.left_out |= reasons

    def __str__(self) -> str:
        cases = self.right + len(self.wrong)
        rest = f", {len(self.left_out)} left out" if self.left_out else ""
        return f"{self.right} of {cases} right{rest}"
