"""What tests of judges need: an endpoint of their own, and no waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from pytest_django.fixtures import Settings

from tests.labeling.judge_endpoint import Answering, Endpoint, serving


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
