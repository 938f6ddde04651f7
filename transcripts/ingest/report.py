"""What one run of ingest did: every count, and everything that was left out, with file, place and reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from transcripts.ingest.parsed import Ignored, Problem

# A report is one JSON object in memory and in one row: beyond these, errors are counted and not listed.
MOST_ERRORS = 10_000


@dataclass
class Report:
    """Inputs = created + updated + unchanged + failed."""

    evaluation: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    failed: int = 0
    verdicts: int = 0  # answers added or changed; a classification that failed is not one
    verdict_errors: int = 0  # failed classifications added or changed
    statuses: Counter[str] = field(default_factory=Counter)  # of everything that was read
    missing: list[dict[str, Any]] = field(default_factory=list)  # cells with fewer transcripts than planned
    ignored_fields: Counter[str] = field(default_factory=Counter)
    listed: dict[Problem, None] = field(default_factory=dict)  # errors in order, each once
    more_errors: int = 0  # that are not listed
    _files_not_listed: set[int] = field(default_factory=set)  # hashes of those that are about a whole file

    def note(self, record: Problem | Ignored) -> None:
        if isinstance(record, Ignored):
            self.ignored_fields[record.field] += 1
            return
        # Parts that are read apart may meet the same one.
        if record in self.listed or hash(record) in self._files_not_listed:
            return
        self.failed += record.lost
        if len(self.listed) < MOST_ERRORS:
            self.listed[record] = None
        else:
            self.more_errors += 1
            if not record.where:
                self._files_not_listed.add(hash(record))

    def lose(self, problem: Problem) -> None:
        """Note a sample that gives no transcript. Each counts, although several may be told in the same words."""
        if problem in self.listed:
            self.failed += 1
        else:
            self.note(problem)

    @property
    def errors(self) -> list[Problem]:
        return [*self.listed]

    @property
    def told(self) -> list[Problem]:
        """The errors that are listed, and last how many are not."""
        if not self.more_errors:
            return self.errors
        return [*self.errors, Problem("", "", f"{self.more_errors:,} more errors are not listed", lost=False)]

    @property
    def transcripts(self) -> int:
        return self.created + self.updated + self.unchanged

    @property
    def succeeded(self) -> bool:
        """At least one transcript was read, or there was nothing to read and nothing went wrong."""
        return self.transcripts > 0 or not self.listed

    def as_json(self) -> dict[str, Any]:
        return {
            "evaluation": self.evaluation,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "failed": self.failed,
            "verdicts": self.verdicts,
            "verdict_errors": self.verdict_errors,
            "statuses": dict(sorted(self.statuses.items())),
            "missing": self.missing,
            "ignored_fields": dict(sorted(self.ignored_fields.items())),
            "errors": [
                {"source": problem.source, "where": problem.where, "reason": problem.reason} for problem in self.told
            ],
        }
