select id, name, created_at, updated_at from repositories where tenant_id = tenant() and id = %(id)s
