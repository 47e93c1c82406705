select id, job_id, category, name, media_type, bytes, sha256, blob, created_at, expires_at
from artifacts where tenant_id = tenant() and job_id = %(job_id)s and id = %(id)s
