-- The tenant is the column's default; rowferry_loader may not say one.
insert into artifacts (id, job_id, category, name, media_type, bytes, sha256, blob, expires_at)
select one.id, %(job_id)s, one.category, one.name, one.media_type, one.bytes, one.sha256, one.blob, now() + make_interval(days => one.days)
from unnest(%(ids)s::uuid[], %(categories)s::text[], %(names)s::text[], %(media_types)s::text[], %(bytes)s::bigint[], %(sha256s)s::text[],
    %(blobs)s::text[], %(days)s::int[]) as one (id, category, name, media_type, bytes, sha256, blob, days)
returning tenant_id
