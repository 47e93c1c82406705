select count(*) as n from documents where tenant_id = tenant() and repository_id = %(repository)s
