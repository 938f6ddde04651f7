"""What tests with real transactions need: they empty the tables, and with them what migrations put there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module

import pytest
from django.apps import apps
from pytest_django.fixtures import Settings

from labeling.codebooks.codebook import install_builtin
from tests.labeling.judge_endpoint import Answering, Endpoint, serving


@pytest.fixture
def filled_database(transactional_db: None) -> None:
    """The built-in codebook, the groups, the content notes and the published personas, as after migrating."""
    import_module("transcripts.migrations.0003_groups_and_personas").add(apps, None)
    import_module("labeling.migrations.0008_content_notes_and_crowd").add(apps, None)
    install_builtin(apps.get_model)


@pytest.fixture
def no_time_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judges try again at once, and keep at once what they have."""
    monkeypatch.setattr("labeling.judges.endpoint.BACK_OFF", 0.01)
    monkeypatch.setattr("labeling.judges.ask.KEEP_SECONDS", 0.02)


@pytest.fixture
def serve(settings: Settings) -> Iterator[Callable[[Answering], Endpoint]]:
    """Starts the endpoint that the judges are to ask, by a function that says what it answers."""
    with ExitStack() as stack:

        def begin(answer: Answering) -> Endpoint:
            found = stack.enter_context(serving(answer))
            settings.JUDGE_BASE_URL, settings.JUDGE_API_KEY = found.url, "sk-secret"
            return found

        yield begin
