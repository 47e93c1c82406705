select t.id, t.name, u.name as user_name, t.scopes, t.created_at, t.expires_at, t.revoked_at
from tokens t join users u on u.id = t.user_id and u.tenant_id = t.tenant_id
where t.tenant_id = tenant() order by t.id
