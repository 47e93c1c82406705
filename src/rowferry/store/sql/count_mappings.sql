select count(*) as n from mappings where tenant_id = tenant()
