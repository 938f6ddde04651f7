"""What the first draw drew from is written down, a disputed transcript may be drawn later like a browsed one, and an
open slot is found by its campaign and its place in the queue."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

TRIGGERS = """
DROP TRIGGER frozen ON labeling_campaignitem;
DROP TRIGGER drawn ON labeling_campaignitem;
CREATE TRIGGER frozen BEFORE UPDATE ON labeling_campaignitem
    FOR EACH ROW WHEN (OLD.source NOT IN ({by_hand}) OR NEW.source <> 'sample')
    EXECUTE FUNCTION amdash_frozen_but('pi');
CREATE TRIGGER drawn BEFORE UPDATE ON labeling_campaignitem
    FOR EACH ROW WHEN (OLD.source IN ({by_hand}) AND NEW.source = 'sample')
    EXECUTE FUNCTION amdash_frozen_but('pi', 'source', 'wave_id', 'stratum_id', 'p', 'triple');
"""

# A slot has its item's campaign and place. Neither of them ever changes.
PLACE = """
UPDATE labeling_assignment a SET campaign_id = i.campaign_id, serve_order = i.serve_order
    FROM labeling_campaignitem i WHERE i.id = a.item_id;
SET CONSTRAINTS ALL IMMEDIATE;
CREATE FUNCTION amdash_place_of_slot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT campaign_id, serve_order INTO NEW.campaign_id, NEW.serve_order
        FROM labeling_campaignitem WHERE id = NEW.item_id;
    RETURN NEW;
END $$;
CREATE TRIGGER place BEFORE INSERT ON labeling_assignment
    FOR EACH ROW EXECUTE FUNCTION amdash_place_of_slot();
"""


class Migration(migrations.Migration):
    dependencies = [("labeling", "0008_content_notes_and_crowd")]

    operations = [
        migrations.AddField("campaign", "frame_digest", models.TextField(blank=True, default="", editable=False)),
        migrations.AddField(
            "assignment",
            "campaign",
            models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="labeling.campaign",
            ),
        ),
        migrations.AddField("assignment", "serve_order", models.FloatField(editable=False, null=True)),
        migrations.RunSQL(PLACE, "DROP FUNCTION amdash_place_of_slot() CASCADE"),
        migrations.RemoveIndex("assignment", "assignment_open"),
        migrations.AddIndex(
            "assignment",
            models.Index(
                fields=["campaign", "serve_order", "item", "slot"],
                name="assignment_free",
                condition=Q(submitted_at=None, voided_at=None, purpose="panel"),
            ),
        ),
        migrations.RunSQL(TRIGGERS.format(by_hand="'browse', 'dispute'"), TRIGGERS.format(by_hand="'browse'")),
    ]
