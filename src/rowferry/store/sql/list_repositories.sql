select id, name, created_at, updated_at from repositories where tenant_id = tenant() order by id limit %(size)s offset %(start)s
