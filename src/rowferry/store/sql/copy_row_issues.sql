-- The tenant is the column's default; rowferry_loader may not say one.
copy row_issues (job_id, row, ordinal, line, field, "column", code, outcome, value, arguments, record) from stdin
