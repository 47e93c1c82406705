select id from jobs where tenant_id = tenant() and id = %(id)s for no key update
