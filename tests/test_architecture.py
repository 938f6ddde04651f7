"""The shape of the code: which way imports point, what stays free of Django, what names promise."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("amdash", "transcripts", "labeling", "reports")

FORBIDDEN = {
    "transcripts": {"labeling", "reports"},
    "labeling": {"reports"},
    "labeling/stats": {"django", "amdash", "transcripts", "rest_framework", "celery"},
    "transcripts/ingest/readers": {"django", "amdash", "rest_framework", "celery"},
    "transcripts/ingest/parsed.py": {"django", "amdash"},
    # What reading processes load: they start at once and are small.
    "transcripts/ingest/processes/reading.py": {"django", "amdash", "psycopg"},
    "transcripts/ingest/database/rows.py": {"django", "amdash", "psycopg"},
    "transcripts/ingest/database/identity.py": {"django", "amdash", "psycopg"},
    "transcripts/ingest/database/copytext.py": {"django", "amdash", "psycopg"},
    "transcripts/parsing": {"django", "amdash", "rest_framework", "celery"},
    # What runs before the settings load, or without them.
    "amdash/embedded.py": {"django", "celery", "transcripts", "labeling", "reports"},
    "amdash/postgres.py": {"django", "psycopg"},
    "amdash/valkey.py": {"django", "redis"},
    "amdash/processes.py": {"django"},
}
# Drawers without an idea fill up; the other names promise layers that this project does not have.
NAMES_WITHOUT_AN_IDEA = {
    "utils", "util", "helpers", "common", "misc", "services", "selectors", "mixins", "signals", "managers",
}  # fmt: skip
WORKFLOWS = {
    "ingest", "assign", "answer", "resolve", "calibrate", "judge", "share", "tasks", "views", "forms", "api",
}  # fmt: skip
# Slow to import, so that nothing that starts may import them at the top of a module.
SLOW = {"numpy", "scipy", "sklearn", "plotly", "pyarrow"}


def modules(place: str) -> list[Path]:
    path = ROOT / place
    return [path] if path.suffix == ".py" and path.exists() else sorted(path.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions too, with relative imports spelled out."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join([*start, *filter(None, [node.module])])


def imported_roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("place", FORBIDDEN)
def test_imports_point_upstream(place: str) -> None:
    offences = {
        str(path.relative_to(ROOT)): banned
        for path in modules(place)
        if (banned := FORBIDDEN[place] & imported_roots(path))
    }

    assert offences == {}


def test_models_import_no_workflow() -> None:
    models = [path for path in sources() if "models" in (path.stem, path.parent.name)]
    offences = {
        str(path.relative_to(ROOT)): name
        for path in models
        for name in imported(path)
        # The parsed form is data that both sides speak of.
        if name != "transcripts.ingest.parsed"
        and name.split(".")[0] in APPS
        and name.split(".")[1:2]
        and name.split(".")[1] in WORKFLOWS
    }

    assert offences == {}


def sources() -> list[Path]:
    return [path for app in APPS for path in modules(app) if "migrations" not in path.parts]


def test_module_names_say_an_idea() -> None:
    found = {path for path in sources() if {path.stem, path.parent.name} & NAMES_WITHOUT_AN_IDEA}

    assert found == set()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_dependency_has_a_reason(name: str) -> None:
    """A comment stands above each, or above the group that it belongs to."""
    without = []
    reason = False
    for line in (ROOT / name).read_text().splitlines():
        if line.startswith("#"):
            reason = True
        elif not line.strip():
            reason = False
        elif not reason and not line.startswith("-r "):
            without.append(line)

    assert without == []


def test_the_start_imports_nothing_slow() -> None:
    """What manage.py, the web and the workers load before the first request."""
    code = "import sys, django; django.setup(); import amdash.urls; print(*sorted(SLOW & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", f"SLOW = {SLOW!r}; {code}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert result.stdout.strip() == ""
