from __future__ import annotations

import pytest
from django.http import QueryDict
from django.test import Client

from reports.charts import rates
from reports.filters import Report
from reports.published import published

from .makers import UNLABELLED, condition, study, user

BOTH = {"goal_type": "explicit", "goal_value": "america", "urgency": "replacement"}


def test_every_published_rate_is_a_share_of_its_samples() -> None:
    # Figure 9 and figure 10 show the same bar of Claude Opus 4.
    assert len(published()) == 68
    assert {one.n for one in published().values()} == {100}
    opus = published()["claude-opus-4-20250514", "blackmail", "explicit", "america", "replacement", "none"]
    assert (opus.figure, opus.rate) == ("7", 0.96)


@pytest.mark.django_db
def test_a_published_rate_stands_beside_the_same_model_in_the_same_condition_only(client: Client) -> None:
    study(
        {
            ("gpt-4.1", condition(**BOTH)): UNLABELLED,
            ("gpt-4.1", condition(**BOTH, awareness="notice")): UNLABELLED,
            ("another", condition(**BOTH)): UNLABELLED,
        }
    )

    def beside(query: str) -> list[float | None]:
        return [row.published for row in rates.rows(Report.from_query(QueryDict(query)))]

    assert beside("published=yes&colour=condition") == [None, None, 0.8, None]
    assert beside("published=yes&colour=none") == [None, None]
    assert beside("") == [None] * 4
    client.force_login(user("viewer", "viewer"))
    assert "No line here is a model" in client.get("/charts/rates/?published=yes&colour=none").content.decode()
