"""Bring in labels that were made elsewhere."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError
from django.urls import reverse
from psycopg.errors import UndefinedTable

from labeling.transfers import label_columns
from labeling.transfers.bring_in import CannotBringIn, Report, begin, perform
from labeling.transfers.jobs import fail_interrupted
from transcripts.ingest.mapping import BadMapping


class Command(BaseCommand):
    help = "Brings in a table of labels (JSON Lines, CSV, Parquet) as a closed campaign. A second time adds nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="as export_labels writes it, or with --map any")
        parser.add_argument("--campaign", required=True, metavar="NAME", help="the campaign that is made of it")
        parser.add_argument("--evaluation", metavar="NAME", help="whose transcripts; default: as the table says")
        parser.add_argument("--codebook", metavar="SLUG[:N]", help="default: the table's, or one made of its answers")
        parser.add_argument("--map", type=Path, metavar="FILE", help="which column is what, as JSON or TOML")
        parser.add_argument("--json", action="store_true", help="print the report as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"{path} is no file.")
        choices = {name: options[name] or "" for name in ("evaluation", "codebook")}
        try:
            if options["map"]:
                choices["mapping"] = label_columns.plain(options["map"].read_bytes())
                label_columns.parse(choices["mapping"])
            fail_interrupted()
            job = begin(path.name, options["campaign"], choices)
            report = perform(job, path.resolve())
        except ProgrammingError as error:
            if isinstance(error.__cause__, UndefinedTable):
                raise CommandError("The database has no tables yet: ./run makes them, and so does migrate.") from None
            raise
        except OSError as error:
            raise CommandError(f"{options['map']} cannot be read: {error.strerror}.") from None
        except BadMapping as problem:
            raise CommandError(f"{options['map']}: {problem}") from None
        except CannotBringIn as problem:
            raise CommandError(str(problem)) from None
        if options["json"]:
            self.stdout.write(orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2).decode())
        else:
            self.describe(report)
        if not report.added + report.known:
            sys.exit(1)

    def describe(self, report: Report) -> None:
        self.stdout.write(
            f"{report.added:,} labels added, {report.known:,} known before, {report.failed:,} not taken; "
            f"{report.items:,} transcripts, {report.raters:,} raters, codebook {report.codebook}."
        )
        if report.adjudicated:
            self.stdout.write(f"{report.adjudicated:,} resolutions are the table's own decisions.")
        for remark in report.remarks:
            self.stdout.write(remark)
        for problem in report.errors:
            self.stderr.write(f"{problem['source']}, {problem['where']}: {problem['reason']}")
        if report.untold:
            self.stderr.write(f"… and {report.untold:,} more.")
        if report.campaign:
            self.stdout.write(f"Kept as {reverse('labeling:campaign', args=[report.campaign])}")
