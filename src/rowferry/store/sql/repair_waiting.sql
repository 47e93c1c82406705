-- all tenants: a row that is missing here would strand the tenant's jobs
insert into waiting (tenant_id) select t.id from tenants t
    where exists (select from jobs j where j.tenant_id = t.id and j.status = 'queued')
        and not exists (select from waiting w where w.tenant_id = t.id)
on conflict (tenant_id) do nothing
