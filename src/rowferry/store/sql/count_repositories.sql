select count(*) as n from repositories where tenant_id = tenant()
