-- One statement for all, over a connection without a transaction: the tenant, and that nobody waits for the disk, hold as long as it runs.
with here as materialized (
    select set_config('rowferry.tenant', %(tenant)s, true) as tenant, set_config('synchronous_commit', 'off', true)
)
select a.cancel, a.pause
from here, advance(case when here.tenant <> '' then %(id)s::uuid end, %(attempt)s, %(step)s, %(rows_total)s, %(rows_read)s, %(source)s, %(checkpoint)s) a
