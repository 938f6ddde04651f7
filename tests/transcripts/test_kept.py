"""The other fields of a transcript's file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from tests.transcripts.study import ingest, sample, user
from transcripts.page.kept import LONGEST, MOST, kept


@pytest.mark.parametrize(
    ("extra", "shown"),
    [
        ({"remark": "\n accepts\n\n \n it \n"}, [("remark", "accepts\n it")]),
        ({"log": {"task": {"name": "x"}, "epochs": 3}}, [("log · task · name", "x"), ("log · epochs", "3")]),
        ({"tags": ["a", 1], "solved": False}, [("tags", '["a",1]'), ("solved", "false")]),
        ({"a": None, "b": "", "c": {}, "d": [], "e": " \n"}, []),
    ],
)
def test_fields_are_told_by_their_path_and_empty_ones_left_out(
    extra: dict[str, Any], shown: list[tuple[str, str]]
) -> None:
    assert [(field.name, field.text) for field in kept(extra).fields] == shown


def test_what_is_too_long_or_too_much_is_counted() -> None:
    extra = {"long": "x" * (LONGEST + 1), **{str(number): "y" for number in range(MOST + 2)}}

    found = kept(extra)

    assert (len(found.fields), found.more, found.opens) == (MOST, 3, False)


@pytest.mark.parametrize(("extra", "opens"), [({"a": "x"}, True), ({str(n): "x" for n in range(5)}, False)])
def test_little_is_open(extra: dict[str, Any], opens: bool) -> None:
    assert kept(extra).opens is opens


@pytest.mark.django_db
@pytest.mark.parametrize(("extra", "shown"), [({"remark": "<b>leaks</b>"}, 1), ({}, 0)])
def test_they_stand_on_the_transcript_s_page(client: Client, extra: dict[str, Any], shown: int) -> None:
    client.force_login(user("researcher"))
    (transcript,) = ingest(replace(sample(), extra=extra))

    html = client.get(f"/transcripts/{transcript.pk}/").content.decode()

    assert (html.count("Also in the file"), html.count("<dd>&lt;b&gt;leaks&lt;/b&gt;</dd>")) == (shown, shown)
