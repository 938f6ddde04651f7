"""What a bench is and what it prints."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number with its unit, and how many observations it rests on."""

    measure: str
    value: float
    unit: str
    n: int

    def line(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Home:
    """Where benches keep what they make: a PostgreSQL server for their databases, a folder for their files."""

    server: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes that the command line may change; None stands for the bench's own default."""

    transcripts: int | None = None
    repetitions: int | None = None
    table: int | None = None
    requests: int | None = None
    kills: int | None = None
    raters: int | None = None
    seconds: float | None = None
    seed: int = 1
    runs: Path | None = None
    server: str | None = None
    home: Home | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """A set of measures that are taken together."""

    name: str
    measures: tuple[str, ...]
    run: Callable[[Options], Iterator[Measurement]]


def say(line: str) -> None:
    """Tell whoever waits; standard output is for the measurements alone."""
    print(line, file=sys.stderr, flush=True)
