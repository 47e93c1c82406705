"""openpyxl reads a spreadsheet, values only, and does nothing with it."""

import json
import sys
import time

import openpyxl

begin = time.perf_counter()
book = openpyxl.load_workbook(sys.argv[1], read_only=True, data_only=True)
rows = sum(1 for _ in book.worksheets[0].iter_rows(values_only=True)) - 1
book.close()
print(json.dumps({"seconds": time.perf_counter() - begin, "rows": rows}))
