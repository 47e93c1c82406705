insert into documents (id, tenant_id, repository_id, title, content, metadata)
values (%(id)s, tenant(), %(repository)s, %(title)s, %(content)s, %(metadata)s)
returning id, title, content, metadata, created_at, updated_at
