"""A bad value stops the start with a sentence that names its variable."""

import os
import subprocess
import sys
from urllib.parse import quote

import pytest
from django.conf import settings

GOOD = {"DATABASE_URL": "postgresql:///", "CELERY_BROKER_URL": "redis://", "DJANGO_SECRET_KEY": "x"}


def loaded(**changes: str) -> subprocess.CompletedProcess[str]:
    script = "import amdash.settings as s; print(s.VAR_DIR, s.STORAGE_URL, sep='\\n')"
    environment = {name: value for name, value in os.environ.items() if name not in ("STORAGE_URL", "LOG_LEVEL")}
    command = [sys.executable, "-c", script]
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment | GOOD | changes, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "sqlite:///x"),
        ("DATABASE_URL", "nonsense"),
        ("CELERY_BROKER_URL", "nonsense"),
        ("LOG_LEVEL", "foo"),
        ("STORAGE_URL", "s3://bucket"),
        ("JUDGE_BASE_URL", "host/v1"),
        ("JUDGE_BASE_URL", "https://me:secret@host/v1"),
        ("JUDGE_API_KEY", "sk-alone"),
    ],
)
def test_a_bad_value_is_named(name: str, value: str) -> None:
    failed = loaded(**{name: value})
    assert failed.returncode == 1
    assert name in failed.stderr.splitlines()[-1]


@pytest.mark.parametrize(("value", "folder"), [("", "var"), ("elsewhere", "elsewhere"), ("/tmp/x", "/tmp/x")])
def test_the_folder_of_what_is_written_may_be_relative_or_empty(value: str, folder: str) -> None:
    path = settings.BASE_DIR / folder
    assert loaded(AMDASH_VAR=value).stdout.splitlines() == [str(path), f"file://{quote(str(path))}/uploads"]
