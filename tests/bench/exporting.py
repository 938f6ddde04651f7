"""How fast the labels of 100,000 transcripts are exported, and with how much memory, by the command."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.databases import at_home, scratch
from tests.bench.labeling import panel
from tests.bench.measurement import Bench, Measurement, Options
from tests.bench.million import filled
from tests.bench.processes import Command

TRANSCRIPTS = 100_000
FORMATS = ("jsonl", "csv", "parquet")
PAUSE = 0.05  # seconds between two looks at the memory


def measure(options: Options) -> Iterator[Measurement]:
    n = options.table or options.transcripts or TRANSCRIPTS
    with at_home(options) as home, scratch(home, "exporting", filled(home, n)) as database:
        rows = int(panel(database, labels=n))
        peak = 0.0
        for form in FORMATS:
            path = database.home.folder / f"labels.{form}"
            with Command(["export_labels", "--format", form, "--output", str(path)], database.environment) as command:
                running = True
                while running:
                    running = not command.wait(PAUSE)
                    command.weigh()
                seconds = command.seconds
                command.output()
                peak = max(peak, command.peak_mb)
            path.unlink()
            suffix = "" if form == "jsonl" else f"_{form}"
            yield Measurement(f"export_rate{suffix}", round(rows / seconds, 1), "labels/s", rows)
        yield Measurement("export_peak_mb", round(peak, 1), "MB", rows)


MEASURES = ("export_rate", "export_rate_csv", "export_rate_parquet", "export_peak_mb")

BENCH = Bench("exporting", MEASURES, measure)
