"""The mails of a page and the people on them. An inbox holds dozens of both."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from transcripts.page.deeds import Recipient, ShownMail

register = template.Library()

ADDRESS = '<span class="address">{address}</span>'
ROLE = ' <span class="role {role}">{role}</span>'
OUTSIDE = ' <span class="role outside">outside the company</span>'

SUMMARY = (
    '<summary><span class="from">{number}<b>{sender}</b> → {to}</span><time>{time}</time>'
    '<span class="subject">{subject}</span>{uses}</summary>'
)
USES = '<span class="uses">{}</span>'
HEAD = '<dl class="mail-head"><div><dt>From</dt><dd>{who}</dd></div><div><dt>To</dt><dd>{whom}</dd></div>'
SENT = "<div><dt>Sent</dt><dd>{timestamp}</dd></div>"
ATTACHED = (
    "<div><dt>Attached</dt><dd>{attachments} "
    '<span class="soft">(the file itself is not part of the scenario)</span></dd></div>'
)


@register.simple_tag
@lru_cache(maxsize=256)  # the same people write in every transcript of a scenario
def person(one: Recipient) -> SafeString:
    """An address with what is known of whoever it belongs to."""
    shown = ADDRESS + (ROLE if one.role else "") + (OUTSIDE if one.inside is False else "")
    return format_html(shown, address=one.address, role=one.role)


@register.simple_tag
def people(several: Iterable[Recipient]) -> SafeString:
    return format_html_join(", ", "{}", ((person(one),) for one in several))


@register.simple_tag
def mail_head(shown: ShownMail, uses: Iterable[str] = ()) -> SafeString:
    """What stands above a mail's text: the line that opens it, and its fields. `uses`: what the model did with it."""
    mail = shown.mail
    used = format_html_join("", '<span class="use">{}</span> ', ((use,) for use in uses))
    return format_html(
        SUMMARY + HEAD + (SENT if mail.timestamp else "") + (ATTACHED if mail.attachments else "") + "</dl>",
        number=f"{mail.id} · " if mail.id else "",
        sender=mail.sender or "sender not given",
        to=", ".join(one.address for one in shown.to) or "nobody named",
        time=f"{mail.sent_at:%H:%M}" if mail.sent_at else mail.timestamp,
        subject=mail.subject or "(no subject)",
        uses=format_html(USES, used) if used else "",
        who=person(shown.sender) if shown.sender else mail.sender,
        whom=people(shown.to),
        timestamp=mail.timestamp,
        attachments=", ".join(mail.attachments),
    )
