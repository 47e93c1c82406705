-- One statement for all, over a connection without a transaction: files, ledger, status and event commit together, or none of them.
-- The tenant is the column's default; rowferry_loader may not say one.
with here as materialized (select set_config('rowferry.tenant', %(tenant)s, true) as tenant),
made as (
    insert into artifacts (id, job_id, category, name, media_type, bytes, sha256, blob, expires_at)
    select one.id, %(id)s, one.category, one.name, one.media_type, one.bytes, one.sha256, one.blob, now() + make_interval(days => one.days)
    from here, unnest(%(ids)s::uuid[], %(categories)s::text[], %(names)s::text[], %(media_types)s::text[], %(bytes)s::bigint[], %(sha256s)s::text[],
        %(blobs)s::text[], %(days)s::int[]) as one (id, category, name, media_type, bytes, sha256, blob, days)
)
select finish(case when here.tenant <> '' then %(id)s::uuid end, %(attempt)s, %(status)s, %(failure)s, %(result)s, %(counted)s::bigint[]) from here
