select s.token_id, s.token_tenant, s.tenant_slug, s.token_user, s.user_name, s.scopes, s.state, s.version, s.status
from see_job_version(%(hash)s, %(id)s) s
