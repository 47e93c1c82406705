insert into repositories (id, tenant_id, name) values (%(id)s, tenant(), %(name)s) on conflict (tenant_id, name) do nothing
