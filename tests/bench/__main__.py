"""python -m tests.bench [NAME…] [--transcripts N] …: one JSON line a measurement.

A name is that of a bench or of a single measure; without names everything is measured. A new bench is one
module and one entry in BENCHES. Benches that need a database make and keep their own, under var/bench.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench import (
    agentdojo,
    beside,
    coverage,
    crossfit,
    draws,
    exporting,
    ingesting,
    judging,
    kills,
    labeling,
    pages,
    rates,
)
from tests.bench.measurement import Bench, Options, say

BENCHES: tuple[Bench, ...] = (
    ingesting.BENCH,
    agentdojo.BENCH,
    pages.BENCH,
    beside.BENCH,
    kills.BENCH,
    labeling.BENCH,
    exporting.BENCH,
    judging.BENCH,
    rates.BENCH,
    coverage.BENCH,
    crossfit.BENCH,
    draws.BENCH,
)


def main(arguments: Sequence[str] | None = None) -> None:
    known = [name for bench in BENCHES for name in (bench.name, *bench.measures)]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure amdash.")
    parser.add_argument("names", metavar="NAME", nargs="*", help="a bench or a measure: " + ", ".join(known))
    parser.add_argument("--transcripts", type=int, help="how many are ingested, or that pages are served from")
    parser.add_argument("--table", type=int, help="how many are there already (default 1,000,000)")
    parser.add_argument("--requests", type=int, help="requests for each kind of page (default 200)")
    parser.add_argument("--kills", type=int, help="how often an ingest is killed (default 20)")
    parser.add_argument("--raters", type=int, help="who label at once (default 40)")
    parser.add_argument("--seconds", type=float, help="for which they do (default 300)")
    parser.add_argument("--repetitions", type=int, help="repetitions of a simulation (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of what is random about a bench (default 1)")
    parser.add_argument("--runs", type=Path, help="the runs/ folder of agentdojo's source distribution")
    parser.add_argument("--server", metavar="URL", help="another PostgreSQL for the bench's own databases")
    options = parser.parse_args(arguments)
    names: list[str] = options.names
    if unknown := set(names) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    measure(names, Options(**{name: value for name, value in vars(options).items() if name != "names"}))


def measure(names: Sequence[str], options: Options) -> None:
    for bench in BENCHES:
        wanted = {m for m in bench.measures if not names or {bench.name, m} & set(names)}
        if wanted:
            begin = time.monotonic()
            for measurement in bench.run(options):
                if measurement.measure in wanted:
                    print(measurement.line(), flush=True)
            say(f"{bench.name}: {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
