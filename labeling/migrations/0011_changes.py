"""Which transactions changed what rates are put together from: see labeling.calibration.rollup.

A row per transaction, not a counter: writers never wait for each other, and a reader can tell which of them its own
figures have not seen, in whatever order they were committed.
"""

from django.db import migrations

CHANGE = """
CREATE TABLE labeling_change (xid xid8 PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX change_at ON labeling_change (at);
CREATE FUNCTION amdash_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO labeling_change (xid) VALUES (pg_current_xact_id()) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
"""
TABLES = (
    "labeling_campaignitem",
    "labeling_label",
    "labeling_resolution",
    "transcripts_transcript",
    "transcripts_verdict",
)


def trigger(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION amdash_changed()",
        f"DROP TRIGGER changed ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("labeling", "0010_judge_runs"), ("transcripts", "0011_judged_tally")]

    operations = [
        migrations.RunSQL(CHANGE, "DROP FUNCTION amdash_changed() CASCADE; DROP TABLE labeling_change"),
        *map(trigger, TABLES),
    ]
