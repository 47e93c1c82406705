-- A job's files leave a poll as they are written, not through a document that is built, cut and written again: a third of what they cost.
drop function see_job_number(bytea, bigint);
create function see_job_number(p_hash bytea, p_number bigint, out token_id uuid, out token_tenant bigint, out tenant_slug text, out token_user bigint,
    out user_name text, out scopes text[], out state text, out job jobs, out created_by_name text, out files json) language plpgsql as $$
begin
    select p.* into token_id, token_tenant, tenant_slug, token_user, user_name, scopes, state from principal(p_hash) p;
    if state = 'valid' then
        perform set_config('rowferry.tenant', token_tenant::text, true);
        select j.* into job from jobs j where j.tenant_id = token_tenant and j.number = p_number;
        select u.name into created_by_name from users u where u.tenant_id = token_tenant and u.id = job.created_by;
        select json_agg(f) into files from (
            select a.id, a.job_id, a.category, a.name, a.media_type, a.bytes, a.sha256, a.blob, a.created_at, a.expires_at
            from artifacts a where a.tenant_id = token_tenant and a.job_id = job.id order by a.id) f;
    end if;
end $$;
revoke execute on function see_job_number(bytea, bigint) from public, rowferry_loader;
grant execute on function see_job_number(bytea, bigint) to rowferry_app;
