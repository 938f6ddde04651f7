"""What stands behind a published snapshot changes as little as the snapshot; older ones get a subject."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db import migrations

# Erasing an evaluation takes the copies of its transcripts with it; figures stay.
FROZEN = """
CREATE FUNCTION amdash_example_is_frozen() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    snapshot bigint := CASE WHEN TG_OP = 'DELETE' THEN OLD.snapshot_id ELSE NEW.snapshot_id END;
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('amdash.erasing', true) = 'on' THEN RETURN OLD; END IF;
    IF TG_OP = 'UPDATE' AND OLD.snapshot_id <> NEW.snapshot_id
        OR EXISTS (SELECT FROM reports_snapshot s WHERE s.id = snapshot AND s.state <> 'draft') THEN
        RAISE EXCEPTION 'snapshot % is published and never changes: % of its examples refused', snapshot, TG_OP
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER example_is_frozen BEFORE INSERT OR UPDATE OR DELETE ON reports_example
    FOR EACH ROW EXECUTE FUNCTION amdash_example_is_frozen();
"""


def name_subjects(apps: Any, schema_editor: Any) -> None:
    """As `parts.subject_of` names them; the trigger would refuse it for published ones."""
    Snapshot = apps.get_model("reports", "Snapshot")
    schema_editor.execute("ALTER TABLE reports_snapshot DISABLE TRIGGER published_is_frozen")
    for snapshot in Snapshot.objects.filter(subject=""):
        pairs = parse_qsl(snapshot.filters.get("query", ""))
        if "evaluation" not in dict(pairs) and "evaluation_id" in snapshot.basis:
            pairs.append(("evaluation", str(snapshot.basis["evaluation_id"])))
        subject = f"{snapshot.content.get('slug', '')}?{urlencode(sorted(pairs))}"
        Snapshot.objects.filter(pk=snapshot.pk).update(subject=subject)
    schema_editor.execute("ALTER TABLE reports_snapshot ENABLE TRIGGER published_is_frozen")


class Migration(migrations.Migration):
    dependencies = [("reports", "0003_pages_examples_subscriptions")]

    operations = [
        migrations.RunSQL(
            FROZEN, "DROP TRIGGER example_is_frozen ON reports_example; DROP FUNCTION amdash_example_is_frozen()"
        ),
        migrations.RunPython(name_subjects, migrations.RunPython.noop),
    ]
