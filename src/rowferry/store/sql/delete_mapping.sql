delete from mappings where tenant_id = tenant() and id = %(id)s
