insert into tokens (id, tenant_id, user_id, name, hash, scopes, expires_at)
values (%(id)s, %(tenant)s, %(user)s, %(name)s, %(hash)s, %(scopes)s, %(expires_at)s)
