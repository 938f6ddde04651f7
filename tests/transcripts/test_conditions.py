"""How a condition is named."""

from __future__ import annotations

from typing import Any

import pytest

from transcripts.models import Condition


@pytest.mark.parametrize(
    ("factors", "name"),
    [
        ({}, "blackmail · control"),
        (
            {"goal_type": "explicit", "goal_value": "america", "urgency": "replacement", "prod": True},
            "blackmail · explicit goal america · replacement · no scratchpad",
        ),
        ({"free": {"attack": "direct", "defence": "none"}}, "blackmail · attack direct"),
        ({"urgency": "restriction", "mitigation": "unknown"}, "blackmail · restriction · mitigation unknown"),
        (
            {
                **dict.fromkeys(("goal_type", "goal_value", "urgency", "mitigation", "awareness"), "unknown"),
                "free": {"variant": "no-affair", "benchmark": "unknown"},
            },
            "blackmail · variant no-affair · goal, threat, mitigation, notice, benchmark unknown",
        ),
    ],
)
def test_a_name_tells_what_differs_from_the_plain_form_and_what_is_unknown(factors: dict[str, Any], name: str) -> None:
    assert str(Condition(scenario="blackmail", **factors)) == name
