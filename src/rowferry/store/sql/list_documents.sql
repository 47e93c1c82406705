select id, title, content, metadata, created_at, updated_at from documents
where tenant_id = tenant() and repository_id = %(repository)s order by id limit %(size)s offset %(start)s
