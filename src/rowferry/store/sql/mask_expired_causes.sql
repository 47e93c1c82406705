-- all tenants: what was rejected passes its time alike. A value of several fields is only in the arguments of the row's issue.
update issue_causes c set sample = c.sample || jsonb_build_object('record', '',
    'value', case when c.sample ->> 'value' is not null then %(mask)s::text end,
    'message', case when said.value is null then '' else replace(c.sample ->> 'message', said.value, %(mask)s) end)
from (select c.tenant_id, c.job_id, c.code, c.field, c.shape,
        coalesce(c.sample ->> 'value', (select coalesce(i.arguments ->> 'value', '') from row_issues i
            where i.tenant_id = c.tenant_id and i.job_id = c.job_id and i.row = (c.sample ->> 'row')::bigint and i.code = c.code limit 1)) as value
    from issue_causes c where c.sample ->> 'record' <> '' and c.job_id in (select a.job_id from artifacts a join jobs j on j.id = a.job_id
        where a.expires_at <= now() and a.category <> 'input' and j.type = 'import' and j.finished_at is not null) limit %(most)s) said
where c.tenant_id = said.tenant_id and c.job_id = said.job_id and c.code = said.code and c.field = said.field and c.shape = said.shape
