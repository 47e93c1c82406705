-- all tenants: looks at the catalogue, not at rows
select 'it is a superuser' from pg_roles where rolname = current_user and rolsuper
union all
select 'it bypasses row policies' from pg_roles where rolname = current_user and rolbypassrls
union all
select format('it owns %I.%I', n.nspname, c.relname)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('rowferry', 'rows', 'queue') and c.relkind in ('r', 'p') and pg_get_userbyid(c.relowner) = current_user
union all
select format('%I.%I has no forced row policies', n.nspname, c.relname)
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
    where n.nspname in ('rowferry', 'rows') and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity)
