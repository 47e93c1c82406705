update tokens t set revoked_at = coalesce(t.revoked_at, now()) from users u
where t.tenant_id = tenant() and t.id = %(id)s and u.id = t.user_id and u.tenant_id = t.tenant_id
returning t.id, t.name, u.name as user_name, t.scopes, t.created_at, t.expires_at, t.revoked_at
