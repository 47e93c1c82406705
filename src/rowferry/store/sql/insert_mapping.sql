insert into mappings (id, tenant_id, name, target, columns, defaults, headers)
values (%(id)s, tenant(), %(name)s, %(target)s, %(columns)s, %(defaults)s, %(headers)s)
returning id, name, target, columns, defaults, headers, created_at, updated_at
