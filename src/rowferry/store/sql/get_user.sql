select id, name from users where tenant_id = %(tenant)s and name = %(name)s
