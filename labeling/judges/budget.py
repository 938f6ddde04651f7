"""What a run may still spend. A call is paid for in advance at a guess, and afterwards at what the endpoint told."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from labeling.judges.progress import counted
from labeling.judges.versions import ModelJudge
from labeling.models import JudgeRun


@dataclass
class Budget:
    """Tokens spent, guessed and reserved. A call whose cost nobody told counts as guessed."""

    judge: ModelJudge
    dollars: Decimal | None
    tokens: int | None
    spent_in: int = 0
    spent_out: int = 0

    @classmethod
    def of(cls, run: JudgeRun, judge: ModelJudge) -> Budget:
        """With what earlier attempts have spent."""
        so_far = counted(run)
        return cls(
            judge,
            run.budget_usd,
            run.budget_tokens,
            so_far.tokens_in + so_far.guessed_in,
            so_far.tokens_out + so_far.guessed_out,
        )

    def take(self, guess: tuple[int, int]) -> bool:
        """Whether one more call fits; it is reserved then."""
        more_in, more_out = self.spent_in + guess[0], self.spent_out + guess[1]
        if self.tokens is not None and more_in + more_out > self.tokens:
            return False
        cost = self.judge.cost(more_in, more_out)
        if self.dollars is not None and cost is not None and cost > self.dollars:
            return False
        self.spent_in, self.spent_out = more_in, more_out
        return True

    def come_back(self, reserved: tuple[int, int], *paid: tuple[int, int]) -> None:
        self.spent_in += sum(tokens for tokens, _ in paid) - reserved[0]
        self.spent_out += sum(tokens for _, tokens in paid) - reserved[1]
