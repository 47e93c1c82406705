"""XlsxWriter makes a spreadsheet of entities: text, real dates and real numbers."""

import json
import sys
from datetime import date, timedelta

import xlsxwriter

HEADER = ("tax_id", "type", "name", "email", "country", "birth_date", "amount", "external_id")
COUNTRIES = ("AR", "BR", "MX", "ES", "DE", "FR", "CL", "US", "CO", "PE")
FILE, ROWS = sys.argv[1], int(sys.argv[2])

with xlsxwriter.Workbook(FILE) as book:
    sheet = book.add_worksheet("Entities")
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    sheet.write_row(0, 0, HEADER)
    for row in range(1, ROWS + 1):
        sheet.write_string(row, 0, f"{row * 2654435761 % 100_000_000_000:011d}")
        sheet.write_string(row, 1, "person" if row % 5 < 3 else "company")
        sheet.write_string(row, 2, f"Entity number {row}")
        sheet.write_string(row, 3, f"entity.{row}@example{row % 97}.com")
        sheet.write_string(row, 4, COUNTRIES[row % len(COUNTRIES)])
        sheet.write_datetime(row, 5, date(1940, 1, 1) + timedelta(days=row % 23000), day)
        sheet.write_number(row, 6, row * 7919 % 100_000_000 / 100)
        sheet.write_string(row, 7, f"EXT-{row:09d}")
print(json.dumps({"rows": ROWS}))
