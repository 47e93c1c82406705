select name, declaration, version, created_at, updated_at from kinds where tenant_id = %(tenant)s and name = any(%(names)s)
