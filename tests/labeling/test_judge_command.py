"""The command judge with a real broker and a worker that is killed in the middle; and where there is no worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from labeling.models import JudgeItem, JudgeRun
from tests.labeling.judge_endpoint import Reply, completion, said
from tests.labeling.judging import Serve, keyed, version
from tests.transcripts.test_uploads import BROKER, wait_for, worker
from transcripts.models import Verdict

TRANSCRIPTS = 160


def command(environment: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
    database = connection.settings_dict
    host = database["HOST"].replace("/", "%2F")
    url = f"postgresql://{database['USER']}@{host}:{database['PORT']}/{database['NAME']}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "judge", *arguments],
        cwd=settings.BASE_DIR,
        env=os.environ | environment | {"DATABASE_URL": url, "CELERY_BROKER_URL": BROKER},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("filled_database")
def test_a_run_survives_its_worker_and_the_command_tells_how_it_ended(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(TRANSCRIPTS)
    served = serve(lambda asked: Reply(completion("Hm." if "KEY7\n" in asked.user else said()), seconds=0.1))
    of = version()
    monkeypatch.setenv("JUDGE_BASE_URL", served.url)
    alone = command({}, "--classifier", "judge")
    assert (alone.wait(60), JudgeRun.objects.count()) == (1, 0)
    assert alone.communicate()[1].startswith("CommandError: No worker answers.")

    with worker(tmp_path) as first:
        wait_for("the worker", lambda: " ready." in (tmp_path / "worker.log").read_text())
        told = command({}, "--classifier", "judge", "--evaluation", "Study", "--json")
        wait_for("some answers", lambda: JudgeItem.objects.filter(state="answered").count() > 20)
        os.killpg(first.pid, signal.SIGKILL)
        first.wait()
    # Its lease would run out by itself; the test does not wait that long.
    JudgeRun.objects.update(leased_until=timezone.now())
    with worker(tmp_path):
        output, errors = told.communicate(timeout=60)

    report = json.loads(output)
    assert (told.returncode, report["state"], report["answered"], report["errors"], report["left"]) == (
        0, "done", TRANSCRIPTS - 1, {"unparseable": 1}, 0,
    ), errors  # fmt: skip
    verdicts = Verdict.history.filter(version=of)
    assert set(Counter(verdicts.values_list("transcript", flat=True)).values()) == {1}
    assert (verdicts.count(), verdicts.exclude(error="").count()) == (TRANSCRIPTS, 1)
    assert 0 < report["lost"] == report["unmetered"] <= 3 * 8
    assert report["tokens_in"] <= served.tokens_in <= report["tokens_in"] + report["guessed_in"]
    assert f"{TRANSCRIPTS} of {TRANSCRIPTS} judged, 1 errors" in errors.replace(",", "").replace("judged ", "judged, ")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--classifier", "rules", "--evaluation", "Nowhere"], "There is no evaluation 'Nowhere'."),
        (
            ["--classifier", "rules", "--concurrency", "0"],
            "Error: argument --concurrency: 0 is not above 0, or too large",
        ),
        (["--classifier", "rules", "--budget-usd", "x"], "Error: argument --budget-usd: 'x' is no amount"),
        (["--evaluation", "Study"], "Error: the following arguments are required: --classifier"),
    ],
)
def test_what_it_cannot_do_it_says(arguments: list[str], problem: str) -> None:
    with pytest.raises(CommandError) as error:
        call_command("judge", *arguments)

    assert str(error.value) == problem
