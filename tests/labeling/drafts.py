"""Codebooks with drafts in a few lines, and what the forms of their parts would send."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client

from labeling.codebooks.codebook import described
from labeling.codebooks.edition import Asked, Counted, Edition, Option
from labeling.codebooks.publish import change, draft_of, start
from labeling.models import Codebook

SLUG = "agentic-misalignment"
EDIT = f"/codebooks/{SLUG}/edit/"
SMALL = Edition(
    "Read it all.",
    (
        Asked("harm", "Harm?", options=(Option("yes", "Yes", needs_evidence=True), Option("no", "No"))),
        Asked("why", "Why?", kind="text", required=False, asked_after=(("harm", "yes"),)),
    ),
    (Counted("any", "any harm", "", "harm", (("", "yes"),)),),
)


def small(edition: Edition = SMALL) -> Codebook:
    """A codebook with a draft that could be published."""
    draft = start("small", "Small")
    change(draft.codebook, lambda _: edition)
    return draft.codebook


def drafted(codebook: Codebook) -> Edition:
    draft = draft_of(codebook)
    assert draft is not None
    return described(draft)


def fields(page: str) -> dict[str, Any]:
    """What the page's part form would send if it were saved as it stands."""
    form = page[page.index('id="part"') :]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]+>", form):
        name, value = (re.search(rf'\b{word}="([^"]*)"', tag) for word in ("name", "value"))
        if name and ('type="checkbox"' not in tag or "checked" in tag):
            found.setdefault(name[1], []).append(unescape(value[1]) if value else "on" if "checkbox" in tag else "")
    for name, body in re.findall(r'<textarea name="([^"]+)"[^>]*>\n?([^<]*)</textarea>', form):
        found[name] = unescape(body)
    for name, body in re.findall(r'<select name="([^"]+)"[^>]*>(.*?)</select>', form, flags=re.DOTALL):
        found[name] = re.findall(r'value="([^"]*)" selected', body)
    return found


def opened(client: Client, address: str) -> dict[str, Any]:
    return fields(client.get(address).content.decode())
