-- Both halves are needed: without the update, a claim and a submit that cross each other lose the tenant.
insert into waiting (tenant_id) select tenant() where tenant() is not null
on conflict (tenant_id) do update set tenant_id = excluded.tenant_id
