"""The web server's access log, without the secrets that stand in paths: invitations, shared pages, ways in."""

from __future__ import annotations

import re
from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

# Up to the secret; what follows it, if anything, tells nothing without it.
SECRET = re.compile(r"^(/(?:join|s|signin/[^/]+)/)[^/]+")


def masked(path: str) -> str:
    return SECRET.sub(r"\1…", path)


class AccessLog(Logger):  # type: ignore[misc]
    def atoms(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """What a line is put together from: `U` is the path."""
        found: dict[str, Any] = super().atoms(*args, **kwargs)
        return {**found, "U": masked(str(found["U"]))}
