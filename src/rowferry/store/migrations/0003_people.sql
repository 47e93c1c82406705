-- Who logs in with a password, and what tenants keep besides jobs: mappings of columns, repositories of documents.

alter table users add column scopes text[] not null default '{jobs:read,jobs:write,imports:write}';
create unique index users_email on users (tenant_id, lower(email));
create sequence token_numbers;
grant usage on sequence token_numbers to rowferry_app;
grant delete on tokens to rowferry_app;

-- The digest of a password leaves the table by `login_of` alone.
revoke select on users from rowferry_app, rowferry_loader;
grant select (id, tenant_id, name, email, created_at, scopes) on users to rowferry_app, rowferry_loader;

-- Runs before the tenant is known, as `principal` does.
create function login_of(p_slug text, p_email text, out tenant_id bigint, out user_id bigint, out user_name text, out scopes text[],
    out password_hash text) returns setof record language sql stable security definer set search_path = rowferry, pg_temp as $$
    select n.id, u.id, u.name, u.scopes, u.password_hash from tenants n join users u on u.tenant_id = n.id
    where n.slug = p_slug and lower(u.email) = lower(p_email) and u.password_hash is not null $$;

create table mappings (
    id uuid primary key,
    tenant_id bigint not null default tenant() references tenants,
    name text not null,
    target text not null,
    columns jsonb not null,
    defaults jsonb,
    headers jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index mappings_of_tenant on mappings (tenant_id, id desc);

create table repositories (
    id uuid primary key,
    tenant_id bigint not null default tenant() references tenants,
    name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (tenant_id, name)
);

create table documents (
    id text primary key,
    tenant_id bigint not null default tenant() references tenants,
    repository_id uuid not null references repositories,
    title text not null,
    content text not null,
    metadata jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create index documents_of_repository on documents (repository_id, id);

do $$
declare t text;
begin
    foreach t in array array['mappings', 'repositories', 'documents'] loop
        execute format('alter table %I enable row level security, force row level security', t);
        execute format('create policy own_tenant on %I using (tenant_id = (select tenant())) with check (tenant_id = (select tenant()))', t);
        execute format('create policy every_tenant on %I to rowferry_system using (true) with check (true)', t);
        execute format('grant select, insert, update, delete on %I to rowferry_system, rowferry_app', t);
    end loop;
end $$;

revoke execute on function login_of(text, text) from public, rowferry_loader;
grant execute on function login_of(text, text) to rowferry_app;
set local role none;
grant create on schema rowferry to rowferry_system;
alter function login_of(text, text) owner to rowferry_system;
revoke create on schema rowferry from rowferry_system;
set local role rowferry_owner;
