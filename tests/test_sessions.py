"""Sessions read without the ORM are the sessions that Django keeps."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.backends import db
from django.utils import timezone

from amdash.sessions import SessionStore

pytestmark = pytest.mark.django_db


def test_a_session_is_read_as_django_wrote_it_and_the_other_way_round() -> None:
    for wrote, read in ((db.SessionStore, SessionStore), (SessionStore, db.SessionStore)):
        kept = wrote()
        kept["who"] = "ada"
        kept.create()

        assert read(kept.session_key).load() == {"who": "ada"}


def test_one_that_ended_or_never_was_is_empty_and_keeps_no_key() -> None:
    over = SessionStore()
    over["who"] = "ada"
    over.create()
    over.get_model_class().objects.update(expire_date=timezone.now() - timedelta(seconds=1))

    for key in (over.session_key, "a" * 32, "no\0key"):
        read = SessionStore(key)
        assert (read.load(), read.session_key) == ({}, None)
