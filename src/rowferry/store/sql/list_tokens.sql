select t.id, t.name, u.name as user_name, t.scopes, t.created_at, t.expires_at, t.revoked_at
from tokens t join users u on u.id = t.user_id and u.tenant_id = t.tenant_id
where t.tenant_id = tenant() and t.id > coalesce(%(after)s, '00000000-0000-0000-0000-000000000000'::uuid) order by t.id limit %(size)s
