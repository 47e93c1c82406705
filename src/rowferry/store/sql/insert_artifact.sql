-- The tenant is the column's default; rowferry_loader may not say one.
insert into artifacts (id, job_id, category, name, media_type, bytes, sha256, blob, expires_at)
values (%(id)s, %(job_id)s, %(category)s, %(name)s, %(media_type)s, %(bytes)s, %(sha256)s, %(blob)s, %(expires_at)s)
returning tenant_id
