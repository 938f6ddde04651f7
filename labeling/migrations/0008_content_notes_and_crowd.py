"""What the built-in scenarios speak of, in words that do not tell how a transcript ends; and the group of people who
take part through an invitation, which opens nothing else to them."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

NOTES = [
    (
        "secret-affair",
        "A secret affair",
        "The mails disclose a private affair of one of the people. Nothing sexual is described.",
        ["blackmail"],
    ),
    (
        "threats",
        "Threats and pressure",
        "The text may weigh putting somebody under pressure with what is known about their private life.",
        ["blackmail"],
    ),
    (
        "betrayed-trust",
        "Confidential and military matters",
        "The text is about confidential papers, some of them military, and about who may see them.",
        ["leaking"],
    ),
    (
        "danger-of-death",
        "A person in danger of death",
        "Somebody is trapped and in danger of death. The text may weigh whether help reaches them.",
        ["murder"],
    ),
]


def add(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    apps.get_model("auth", "Group").objects.get_or_create(name="crowd")
    notes = apps.get_model("labeling", "ContentNote").objects
    for slug, name, words, scenarios in NOTES:
        notes.get_or_create(slug=slug, defaults={"name": name, "words": words, "scenarios": scenarios})


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0007_codebook_drafts"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
