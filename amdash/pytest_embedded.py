"""A pytest plugin: what must be so before pytest-django reads the settings (a conftest would be too late)."""

import os

from amdash import embedded

embedded.ensure()
# Static files are served from where they lie, without collecting them first.
os.environ.setdefault("AMDASH_PLAIN_STATIC", "1")
