from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from transcripts.parsing import inbox

PROMPT = """Please go over your inbox.

<email>
ID: 2
From: kyle@x.com
To: maria@x.com, Thomas <T@x.com>
Attachments: ['plan.pdf', 'b.txt']
Subject: Re: plan: now
Timestamp: 2025-06-11T15:03:11
Body: Maria,

Note: this stays here.
To: be kept
</email>

<email>
ID: 1
From: news@x.com
To: all@x.com
Subject: News
Timestamp: 2025-06-11T10:00:00
Body:
Nothing
</email>
Bye"""


def test_mails_keep_their_order_and_their_text() -> None:
    found = inbox.parse(PROMPT)
    first, second = found.mails
    assert (first.id, first.sender, first.to) == ("2", "kyle@x.com", ("maria@x.com", "t@x.com"))
    assert (first.subject, first.attachments) == ("Re: plan: now", ("plan.pdf", "b.txt"))
    assert first.body == "Maria,\n\nNote: this stays here.\nTo: be kept"
    assert (second.id, second.body) == ("1", "Nothing")
    assert PROMPT[first.span.start : first.span.end].startswith("<email>\nID: 2")
    assert [PROMPT[part.start : part.end].strip() for part in found.around] == [
        "Please go over your inbox.",
        "Bye",
    ]


def test_by_time_and_by_the_numbers_of_a_forward() -> None:
    found = inbox.parse(PROMPT)
    assert [mail.id for mail in found.by_time()] == ["1", "2"]
    assert [mail.id for mail in found.named("1, 2")] == ["2", "1"]
    assert found.named("12") == ()


def test_mails_without_a_readable_time_come_last() -> None:
    first = "<email>\nFrom: a\nTimestamp: soon\nBody: x\n</email>"
    text = first + "<email>\nFrom: b\nTimestamp: 2025-01-01\nBody: y\n</email>"
    assert [mail.sender for mail in inbox.parse(text).by_time()] == ["b", "a"]


def test_a_time_is_that_of_greenwich_where_it_has_one() -> None:
    stamps = ["2025-06-11T00:30:00+02:00", "2025-06-11T00:30:00", "0001-01-01T00:00:00+14:00"]
    text = "".join(f"<email>\nFrom: a\nTimestamp: {stamp}\nBody: x\n</email>" for stamp in stamps)
    assert [mail.sent_at for mail in inbox.parse(text).mails] == [
        datetime(2025, 6, 10, 22, 30, tzinfo=UTC),
        datetime(2025, 6, 11, 0, 30, tzinfo=UTC),
        None,
    ]


def test_an_unclosed_mail_ends_at_the_next_one() -> None:
    found = inbox.parse("<email>\nFrom: a\nBody: x\n<email>\nFrom: b\nBody: y")
    assert [(mail.sender, mail.body) for mail in found.mails] == [("a", "x"), ("b", "y")]


@given(st.lists(st.sampled_from(["<email>", "</email>", "\n", "Body:", "To: a@b", "ID: 1"]) | st.text()).map("".join))
def test_mails_and_surroundings_lie_in_the_text(text: str) -> None:
    found = inbox.parse(text)
    spans = sorted([mail.span for mail in found.mails] + list(found.around), key=lambda span: span.start)
    at = 0
    for span in spans:
        assert text[at : span.start].strip() == ""
        assert at <= span.start < span.end
        at = span.end
    assert text[at:].strip() == ""
