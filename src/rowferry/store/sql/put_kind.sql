insert into kinds (tenant_id, name, declaration) values (tenant(), %(name)s, %(declaration)s)
on conflict (tenant_id, name) do update set declaration = excluded.declaration, version = kinds.version + 1, updated_at = now()
returning name, declaration, version, created_at, updated_at
