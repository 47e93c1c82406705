"""frictionless validates the file by a Table Schema; it writes nothing."""

import json
import sys
import time

from frictionless import Resource, Schema

FILE = sys.argv[1]
SCHEMA = Schema.from_descriptor(
    {
        "fields": [
            {"name": "tax_id", "type": "string", "constraints": {"required": True, "pattern": "[0-9]{11}"}},
            {"name": "type", "type": "string", "constraints": {"required": True, "enum": ["person", "company"]}},
            {"name": "name", "type": "string", "constraints": {"required": True, "maxLength": 200}},
            {"name": "email", "type": "string", "format": "email", "constraints": {"maxLength": 254}},
            {"name": "country", "type": "string", "constraints": {"required": True, "minLength": 2, "maxLength": 2}},
            {"name": "birth_date", "type": "date"},
            {"name": "amount", "type": "number", "constraints": {"required": True, "minimum": 0}},
            {"name": "external_id", "type": "string", "constraints": {"maxLength": 40}},
            {"name": "notes", "type": "string"},
        ],
        "primaryKey": ["tax_id"],
    }
)

begin = time.perf_counter()
folder, _, name = FILE.rpartition("/")
report = Resource(path=name, basepath=folder, schema=SCHEMA).validate()
seconds = time.perf_counter() - begin
if not report.valid:
    sys.exit(f"not valid: {report.flatten(['rowNumber', 'fieldName', 'type', 'note'])[:3]}")
print(json.dumps({"seconds": seconds}))
