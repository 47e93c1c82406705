-- all tenants: what was rejected passes its time alike
update row_issues set record = '', value = case when value is not null then %(mask)s end,
    arguments = case when arguments ? 'value' then arguments || jsonb_build_object('value', %(mask)s::text) else arguments end
where ctid = any(array(select i.ctid from row_issues i where i.record <> '' and i.job_id in (select a.job_id from artifacts a join jobs j on j.id = a.job_id
    where a.expires_at <= now() and a.category <> 'input' and j.type = 'import' and j.finished_at is not null) limit %(most)s))
