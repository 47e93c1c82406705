insert into users (tenant_id, name) values (%(tenant)s, %(name)s) on conflict (tenant_id, name) do nothing
