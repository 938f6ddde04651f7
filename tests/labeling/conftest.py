"""What tests with real transactions need: they empty the tables, and with them what migrations put there."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from labeling.codebooks.codebook import install_builtin


@pytest.fixture
def filled_database(transactional_db: None) -> None:
    """The built-in codebook, the groups, the content notes and the published personas, as after migrating."""
    import_module("transcripts.migrations.0003_groups_and_personas").add(apps, None)
    import_module("labeling.migrations.0008_content_notes_and_crowd").add(apps, None)
    install_builtin(apps.get_model)
