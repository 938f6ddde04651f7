"""How often the queue asks the database: the same however much there is to label."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.contrib.auth.models import User

from labeling.codebooks.codebook import outcomes_of, questions_of
from labeling.models import Label
from labeling.queue.assign import take_next
from tests.labeling.makers import HARMLESS, campaign, client_of, form, person, study

pytestmark = pytest.mark.django_db
Counting = Callable[[int], AbstractContextManager[object]]


@pytest.fixture
def ada() -> User:
    return person("ada", "rater")


@pytest.mark.parametrize("rows", [1, 3])
def test_the_page_asks_the_database_as_often_in_a_large_campaign(
    ada: User, rows: int, django_assert_num_queries: Counting
) -> None:
    study(unflagged=rows)
    made = campaign(ada, size=rows, raters_per_item=rows)
    client = client_of(ada)
    client.get(f"/campaigns/{made.pk}/queue/")

    with django_assert_num_queries(15):  # two of them begin and end the lease's transaction
        client.get(f"/campaigns/{made.pk}/queue/")


def test_a_label_is_saved_in_a_handful_of_queries(ada: User, django_assert_num_queries: Counting) -> None:
    """Session, rater, what is opened, the lock and the label; and two more where it fills its item."""
    study(unflagged=1)
    made = campaign(ada, size=1)
    client, slot = client_of(ada), take_next(made, ada)
    assert slot is not None
    outcomes_of(made.codebook_version_id)
    questions_of(made.codebook_version_id)

    with django_assert_num_queries(5 + 2 + 2):  # the transaction begins and ends
        client.post(f"/campaigns/{made.pk}/queue/{slot.pk}/", form(HARMLESS), headers={"Accept": "application/json"})

    assert Label.objects.get().assignment == slot
