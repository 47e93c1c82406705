-- A poll by the number of a job, with its files, in one round trip; behind the row policies like any other read.
create function see_job_number(p_hash bytea, p_number bigint, out token_id uuid, out token_tenant bigint, out tenant_slug text, out token_user bigint,
    out user_name text, out scopes text[], out state text, out job jobs, out created_by_name text, out files jsonb) language plpgsql as $$
begin
    select p.* into token_id, token_tenant, tenant_slug, token_user, user_name, scopes, state from principal(p_hash) p;
    if state = 'valid' then
        perform set_config('rowferry.tenant', token_tenant::text, true);
        select j.* into job from jobs j where j.tenant_id = token_tenant and j.number = p_number;
        select u.name into created_by_name from users u where u.tenant_id = token_tenant and u.id = job.created_by;
        select coalesce(jsonb_agg(to_jsonb(a) - 'tenant_id' order by a.id), '[]') into files
            from artifacts a where a.tenant_id = token_tenant and a.job_id = job.id;
    end if;
end $$;
revoke execute on function see_job_number(bytea, bigint) from public, rowferry_loader;
grant execute on function see_job_number(bytea, bigint) to rowferry_app;
