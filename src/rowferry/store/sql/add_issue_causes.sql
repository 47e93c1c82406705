-- The tenant is the column's default; rowferry_loader may not say one.
insert into issue_causes (job_id, code, field, shape, outcome, rows, sample)
select %(job_id)s, code, field, shape, outcome, rows, sample
from unnest(%(codes)s::text[], %(fields)s::text[], %(shapes)s::text[], %(outcomes)s::text[], %(rows)s::bigint[], %(samples)s::jsonb[])
    c(code, field, shape, outcome, rows, sample)
order by code, field, shape
on conflict (job_id, code, field, shape) do update set rows = issue_causes.rows + excluded.rows
returning tenant_id
