"""django-import-export into a table whose key is the tax id: by look-ups, or creates only."""

import json
import sys
import time
from pathlib import Path

import django
from django.conf import settings

FILE, DATABASE, MODE = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]

settings.configure(
    INSTALLED_APPS=["import_export"],
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": DATABASE["dbname"],
            "USER": DATABASE["user"],
            "HOST": DATABASE["host"],
        }
    },
)
django.setup()

from django.db import connection, models  # noqa: E402  # only after the set-up
from import_export import resources  # noqa: E402  # only after the set-up
from tablib import Dataset  # noqa: E402  # only after the set-up


class Entity(models.Model):
    """A row; the table is there already."""

    tax_id = models.CharField(max_length=11, primary_key=True)
    type = models.CharField(max_length=7, choices=[("person", "person"), ("company", "company")])
    name = models.CharField(max_length=200)
    email = models.EmailField(null=True)
    country = models.CharField(max_length=2)
    birth_date = models.DateField(null=True)
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    external_id = models.CharField(max_length=40, null=True)
    notes = models.TextField(null=True)

    class Meta:
        app_label = "benchmark"
        db_table = "entities"
        managed = False

    def __str__(self) -> str:
        return self.tax_id


class EntityResource(resources.ModelResource):
    """In bulk, a thousand rows at a time."""

    class Meta:
        model = Entity
        import_id_fields = ("tax_id",)
        use_bulk = True
        batch_size = 1000
        skip_diff = True
        force_init_instance = MODE == "create"


connection.ensure_connection()
begin = time.perf_counter()
with FILE.open(encoding="utf-8", newline="") as text:
    dataset = Dataset().load(text, format="csv")
result = EntityResource().import_data(dataset, raise_errors=True, use_transactions=True)
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "created": result.totals["new"]}))
