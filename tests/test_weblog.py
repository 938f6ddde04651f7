"""What the web server writes down of a request."""

from __future__ import annotations

import pytest
from django.urls import reverse

from amdash.weblog import masked

SECRET = "k3Y-_" * 8


@pytest.mark.parametrize(
    ("route", "args", "logged"),
    [
        ("labeling:join", [SECRET], "/join/…/"),
        ("signin", ["MQ", SECRET], "/signin/MQ/…/"),
        ("reports:shared", [SECRET], "/s/…/"),
        ("labeling:queue", [7], "/campaigns/7/queue/"),
        ("healthz", [], "/healthz"),
    ],
)
def test_secrets_in_paths_are_not_logged(route: str, args: list[object], logged: str) -> None:
    assert masked(reverse(route, args=args)) == logged
