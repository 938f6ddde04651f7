"""What it installed comes with 0007 by now, in the edition of the day; databases that have the first edition keep it."""

from typing import ClassVar

from django.db import migrations
from django.db.migrations.operations.base import Operation


class Migration(migrations.Migration):
    dependencies = [("labeling", "0002_append_only")]

    operations: ClassVar[list[Operation]] = []
