-- The tenant is the column's default; rowferry_loader may not say one.
insert into chunks (job_id, first_row, rows, outcomes, parts) values (%(job_id)s, %(first_row)s, %(rows)s, %(outcomes)s, %(parts)s)
returning tenant_id
