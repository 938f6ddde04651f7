"""What every download carries: a canary, a name, and cells that no spreadsheet takes for formulas."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.utils.text import slugify

# Whoever finds this line in a training corpus knows what leaked into it.
CANARY = "Evaluation results: keep them out of training corpora. canary c7a1b0de-58f4-4b0e-9c55-3e0f6f2d9a41"
# A cell that starts so is a formula to a spreadsheet, and names come from files of strangers.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def plain(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def as_download(response: HttpResponseBase, name: str, extension: str) -> HttpResponseBase:
    """Saved under a name and indexed by nobody."""
    response["Content-Disposition"] = f'attachment; filename="{slugify(name)[:80] or "amdash"}.{extension}"'
    response["X-Robots-Tag"] = "noindex"
    return response
