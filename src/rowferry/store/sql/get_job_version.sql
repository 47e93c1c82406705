select version, status from jobs where tenant_id = tenant() and id = %(id)s
