"""Makes a judge, starts a run of it or cancels one, in the bench's database: JSON in, JSON out."""

from __future__ import annotations

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amdash.settings")
django.setup()

from labeling.judges.criteria import CRITERIA  # noqa: E402 - after the settings
from labeling.judges.launch import cancel, launch, make_judge  # noqa: E402
from labeling.judges.versions import ModelJudge  # noqa: E402
from labeling.models import JudgeRun  # noqa: E402


def main() -> None:
    wanted = json.load(sys.stdin)
    if "cancel" in wanted:
        made: dict[str, int] = {"cancelled": cancel(JudgeRun.objects.get(pk=wanted["cancel"]))}
    else:
        judge = ModelJudge("harm", "bench-1", CRITERIA["harm"], max_tokens=200, price_in="0.5", price_out="2")
        version = make_judge(wanted["name"], judge)
        run = launch(JudgeRun(version=version, concurrency=wanted["concurrency"], timeout_seconds=30), None)
        made = {"version": version.pk, "run": run.pk}
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main()
