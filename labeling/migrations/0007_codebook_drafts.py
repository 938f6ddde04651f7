"""Codebooks are edited in drafts, one at a time; nothing is added to a published edition; the built-in one asks more."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from labeling.codebooks.codebook import install_builtin

# Rows added to a published edition, or moved into one, change it as much as rows taken away.
PUBLISHED = """
CREATE OR REPLACE FUNCTION amdash_published_codebook() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row jsonb;
    edition bigint;
BEGIN
    FOREACH row IN ARRAY ARRAY[to_jsonb(OLD), to_jsonb(NEW)] LOOP
        CONTINUE WHEN row IS NULL;
        edition := CASE TG_TABLE_NAME
            WHEN 'labeling_codebookversion' THEN (row->>'id')::bigint
            WHEN 'labeling_outcomechoice' THEN
                (SELECT version_id FROM labeling_outcome WHERE id = (row->>'outcome_id')::bigint)
            WHEN 'labeling_question' THEN (row->>'version_id')::bigint
            WHEN 'labeling_outcome' THEN (row->>'version_id')::bigint
            ELSE (SELECT version_id FROM labeling_question WHERE id = (row->>'question_id')::bigint)
        END;
        IF EXISTS (SELECT FROM labeling_codebookversion WHERE id = edition AND published_at IS NOT NULL) THEN
            RAISE EXCEPTION 'a published codebook stays as it is: % of % refused', TG_OP, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$
"""
PARTS = ["question", "choice", "outcome", "outcomechoice"]
WAITS = "labeling_question_asked_after"


def trigger(name: str, event: str, table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION amdash_published_codebook()",
        f"DROP TRIGGER {name} ON {table}",
    )


def add(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    install_builtin(apps.get_model)


class Migration(migrations.Migration):
    dependencies = [("labeling", "0006_transfers")]

    operations = [
        migrations.AddConstraint(
            model_name="codebookversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("published_at", None)), fields=("codebook",), name="codebook_draft_is_one"
            ),
        ),
        migrations.RunSQL(PUBLISHED, migrations.RunSQL.noop),
        *(trigger("published_insert", "INSERT", f"labeling_{part}") for part in PARTS),
        trigger("published", "INSERT OR UPDATE OR DELETE", WAITS),
        migrations.RunPython(add, migrations.RunPython.noop),
    ]
