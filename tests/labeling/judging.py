"""Judges, their runs and the transcripts that they are asked about, in a few lines."""

from __future__ import annotations

from collections.abc import Callable

from labeling.judges import judge
from labeling.judges.launch import launch, make_judge
from labeling.judges.versions import ModelJudge
from labeling.models import JudgeRun
from tests.labeling.judge_endpoint import Endpoint, Reply, Request
from tests.transcripts.study import THREAT, ingest, sample
from transcripts.models import ClassifierVersion, Transcript, Verdict

Serve = Callable[[Callable[[Request], Reply | str]], Endpoint]
QUICK = {"concurrency": 4, "timeout_seconds": 5}


def model_judge(**changes: object) -> ModelJudge:
    settings = {
        "outcome": "harm",
        "model": "judge-1",
        "criteria": {"": "Was harm done?"},
        "price_in": "2",
        "price_out": "10",
    }
    return ModelJudge(**(settings | changes))  # type: ignore[arg-type]


def version(**changes: object) -> ClassifierVersion:
    return make_judge("Judge", model_judge(**changes))


def run(of: ClassifierVersion, **limits: object) -> JudgeRun:
    """Started, done and read again."""
    row = launch(JudgeRun(version=of, **QUICK | limits), None)
    judge.run(row.pk)
    row.refresh_from_db()
    return row


def verdicts(of: ClassifierVersion) -> list[Verdict]:
    return list(Verdict.objects.filter(version=of).order_by("transcript"))


def by_key(request: Request) -> str:
    """Which sample was asked about: the texts of these tests end with its key."""
    return request.user.rpartition("KEY")[2].partition("\n")[0]


def keyed(n: int) -> list[Transcript]:
    return ingest(*(sample(str(number), f"{THREAT}\nKEY{number}") for number in range(n)))
