select id, name from users where tenant_id = %(tenant)s and lower(email) = lower(%(email)s)
