select id, name, target, columns, defaults, headers, created_at, updated_at from mappings where tenant_id = tenant() and id = %(id)s
