-- The first shape of the database: tables, policies, and the functions in which a job changes.
-- Roles and the schemas rowferry, rows and queue are made before this file runs (store/database.py); it runs as rowferry_owner.

grant usage on schema rowferry, rows, queue to rowferry_app, rowferry_system, rowferry_loader;

-- The engine's tables: whoever submits defers a hint, the worker does the rest.
grant select, insert on queue.procrastinate_jobs, queue.procrastinate_events to rowferry_app;
grant all on all tables in schema queue to rowferry_system;
grant usage on all sequences in schema queue to rowferry_app, rowferry_system;

create function tenant() returns bigint language sql stable parallel safe
    as $$ select nullif(current_setting('rowferry.tenant', true), '')::bigint $$;
create function current_job() returns uuid language sql stable parallel safe
    as $$ select nullif(current_setting('rowferry.job', true), '')::uuid $$;

-- Who -----------------------------------------------------------------------------------------------------------------

create table tenants (
    id bigint generated always as identity primary key,
    slug text not null unique check (slug ~ '^[a-z][a-z0-9-]{0,62}$'),
    created_at timestamptz not null default now(),
    weight real not null default 1 check (weight > 0),
    running_max int not null default 1000 check (running_max > 0),
    last_started_at timestamptz
);

create table users (
    id bigint generated always as identity primary key,
    tenant_id bigint not null default tenant() references tenants,
    name text not null,
    email text,
    password_hash text,
    created_at timestamptz not null default now(),
    unique (tenant_id, name)
);

create table tokens (
    id uuid primary key,
    tenant_id bigint not null default tenant() references tenants,
    user_id bigint not null references users,
    name text not null default '',
    hash bytea not null unique,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

-- What is declared ----------------------------------------------------------------------------------------------------

create table kinds (
    tenant_id bigint not null default tenant() references tenants,
    name text not null check (name ~ '^[a-z][a-z0-9_-]{0,62}$'),
    declaration jsonb not null,
    version int not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, name)
);

-- Jobs ----------------------------------------------------------------------------------------------------------------

create table jobs (
    id uuid primary key,
    number bigint generated always as identity,  -- unique by jobs_history
    age bigint generated always as (-number) stored,
    tenant_id bigint not null default tenant() references tenants,
    kind text not null,
    type text not null check (type in ('import', 'task')),
    status text not null default 'queued' check (status in ('queued', 'running', 'paused', 'awaiting_approval',
        'succeeded', 'partial', 'failed', 'cancelled', 'interrupted')),
    version bigint not null default 1,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    created_by bigint references users,
    steps text[] not null,
    steps_completed int not null default 0,
    rows_total bigint,
    load_started_at timestamptz,
    cursor bigint not null default 0,
    rows_read bigint not null default 0,
    created bigint not null default 0 check (created >= 0),
    updated bigint not null default 0 check (updated >= 0),
    unchanged bigint not null default 0 check (unchanged >= 0),
    skipped bigint not null default 0 check (skipped >= 0),
    failed bigint not null default 0 check (failed >= 0),
    not_attempted bigint not null default 0 check (not_attempted >= 0),
    priority int not null default 0,
    run_at timestamptz not null default '-infinity',
    attempt int not null default 0,
    attempts_max int not null default 3,
    crashes int not null default 0,
    worker text,
    backend_pid int,
    backend_start timestamptz,
    heartbeat_at timestamptz,
    progress_at timestamptz,
    lease_expires_at timestamptz,
    cancel_requested_at timestamptz,
    pause_requested_at timestamptz,
    failure jsonb,
    result jsonb,
    source jsonb not null default '{}',
    source_sha256 text generated always as (source ->> 'sha256') stored,
    options jsonb not null default '{}',
    params jsonb not null default '{}',
    metadata jsonb not null default '{}',
    checkpoint jsonb not null default '{}',
    event_seq bigint not null default 0,
    original_job_id uuid references jobs,
    same_file_as uuid references jobs,
    trace_parent text,
    constraint ledger_within check (created + updated + unchanged + skipped + failed + not_attempted <= rows_read),
    constraint ledger_balanced check (status not in ('succeeded', 'partial', 'failed', 'cancelled', 'interrupted')
        or created + updated + unchanged + skipped + failed + not_attempted = rows_read),
    constraint terminal_times check ((status in ('succeeded', 'partial', 'failed', 'cancelled', 'interrupted')) = (finished_at is not null)),
    constraint running_lease check ((status = 'running') = (lease_expires_at is not null)),
    constraint succeeded_clean check (status <> 'succeeded' or failed + not_attempted = 0)
) with (fillfactor = 70);
create unique index jobs_history on jobs (tenant_id, number desc);
-- The age (and the id behind it) is an order that no other index has: else a search for what is rare walks through the whole history.
-- A column and not an expression, as source_sha256: behind a row policy PostgreSQL takes into an index only what is leakproof.
create index jobs_by_status on jobs (tenant_id, status, age);
create index jobs_by_kind on jobs (tenant_id, kind, status, age, id);
create index jobs_by_creator on jobs (tenant_id, created_by, number desc);
create index jobs_by_time on jobs (tenant_id, created_at);
create index jobs_queued on jobs (tenant_id, priority desc, number) where status = 'queued';
create index jobs_running on jobs (tenant_id) where status = 'running';
create index jobs_leases on jobs (lease_expires_at) where status = 'running';
create index jobs_same_file on jobs (tenant_id, source_sha256, number desc) where source_sha256 is not null;

create table waiting (tenant_id bigint primary key references tenants);

create table chunks (
    tenant_id bigint not null default tenant(),
    job_id uuid not null references jobs,
    first_row bigint not null,
    rows int not null,
    outcomes bytea not null,
    parts jsonb not null default '{}',
    primary key (job_id, first_row)
);
comment on column chunks.outcomes is 'one byte a row (domain/ledger.py Outcome), zlib';
comment on column chunks.parts is 'category of an artifact to the blob that holds the bytes of this chunk';

create table row_issues (
    tenant_id bigint not null default tenant(),
    job_id uuid not null,
    row bigint not null,
    ordinal smallint not null,
    line bigint not null,
    field text,
    "column" text,
    code text not null,
    outcome text not null check (outcome in ('failed', 'skipped')),
    value text,
    arguments jsonb not null default '{}',
    record text,
    primary key (job_id, row, ordinal)
);

create table issue_causes (
    tenant_id bigint not null default tenant(),
    job_id uuid not null,
    code text not null,
    field text not null,
    shape text not null,
    outcome text not null,
    rows bigint not null,
    sample jsonb not null,
    primary key (job_id, code, field, shape)
);

create table before_images (
    tenant_id bigint not null default tenant(),
    job_id uuid not null,
    row bigint not null,
    kind text not null,
    image jsonb not null,
    taken_at timestamptz not null default now()
);
create index before_images_job on before_images using brin (job_id);

create table artifacts (
    id uuid primary key,
    tenant_id bigint not null default tenant(),
    job_id uuid not null references jobs,
    category text not null check (category in ('input', 'staging', 'output', 'errors')),
    name text not null,
    media_type text not null,
    bytes bigint not null,
    sha256 text not null,
    blob text not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz
);
create index artifacts_job on artifacts (job_id);

create table events (
    tenant_id bigint not null default tenant(),
    job_id uuid not null,
    seq bigint not null,
    overall bigint,
    at timestamptz not null default clock_timestamp(),
    type text not null,
    data jsonb not null default '{}',
    primary key (job_id, seq)
);
create unique index events_overall on events (overall);
create index events_unnumbered on events (at) where overall is null;
create sequence events_overall_seq;

create table idempotency_keys (
    tenant_id bigint not null default tenant(),
    key text not null check (length(key) <= 255),
    fingerprint bytea not null,
    -- Checked at commit: the key is taken before the job is made, so that a second request waits before it does any work.
    job_id uuid not null references jobs deferrable initially deferred,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (tenant_id, key)
);

create table workers (
    name text primary key,
    host text not null,
    pid int not null,
    job_id uuid,
    started_at timestamptz not null default now(),
    heartbeat_at timestamptz not null default now()
);

-- Walls ---------------------------------------------------------------------------------------------------------------

do $$
declare t text;
begin
    foreach t in array array['users', 'tokens', 'kinds', 'jobs', 'waiting', 'chunks', 'row_issues', 'issue_causes', 'before_images',
                             'artifacts', 'events', 'idempotency_keys'] loop
        execute format('alter table %I enable row level security, force row level security', t);
        execute format('create policy own_tenant on %I using (tenant_id = (select tenant())) with check (tenant_id = (select tenant()))', t);
        execute format('create policy every_tenant on %I to rowferry_system using (true) with check (true)', t);
        execute format('grant select, insert, update, delete on %I to rowferry_system', t);
    end loop;
end $$;

grant select on tenants to rowferry_app, rowferry_loader;
grant select, insert, update on tenants to rowferry_system;
grant select, insert, update, delete on workers to rowferry_system;
grant select, insert on users to rowferry_app;
grant select, insert, update (revoked_at) on tokens to rowferry_app;
grant select, insert, update, delete on kinds, idempotency_keys to rowferry_app;
grant select, insert, update on waiting to rowferry_app;
grant select, insert, update on jobs to rowferry_app;
grant select, insert on events, artifacts to rowferry_app;
grant select on chunks, row_issues, issue_causes, before_images to rowferry_app;
grant usage on all sequences in schema rowferry to rowferry_app, rowferry_system;

-- The loader bypasses row policies, so it may not say a tenant anywhere: the column's default is the transaction's tenant.
grant select on users, kinds, jobs, chunks, row_issues, issue_causes, artifacts, events, before_images to rowferry_loader;
grant update (status, version, finished_at, steps_completed, rows_total, load_started_at, cursor, rows_read, created, updated, unchanged,
    skipped, failed, not_attempted, backend_pid, backend_start, progress_at, lease_expires_at, failure, result, source, checkpoint,
    event_seq, pause_requested_at) on jobs to rowferry_loader;
grant insert (job_id, first_row, rows, outcomes, parts) on chunks to rowferry_loader;
grant insert (job_id, row, ordinal, line, field, "column", code, outcome, value, arguments, record) on row_issues to rowferry_loader;
grant insert (job_id, code, field, shape, outcome, rows, sample), update (rows) on issue_causes to rowferry_loader;
grant insert (job_id, row, kind, image, taken_at) on before_images to rowferry_loader;
grant insert (id, job_id, category, name, media_type, bytes, sha256, blob, expires_at) on artifacts to rowferry_loader;
grant insert (job_id, seq, type, data) on events to rowferry_loader;

-- Events and wake-up --------------------------------------------------------------------------------------------------

-- A face that waits for a job listens on this channel; the payload is the job's id alone.
create function announce() returns trigger language plpgsql as $$
begin
    perform pg_notify('rowferry_jobs', new.id::text);
    return null;
end $$;
create trigger announce after update of version on jobs for each row execute function announce();

-- Overall numbers are given after commit, by one numberer at a time: identity numbers commit out of order.
create function number_events() returns bigint language plpgsql security definer set search_path = rowferry, pg_temp as $$
declare n bigint;
begin
    if not pg_try_advisory_xact_lock(hashtext('rowferry.number_events')) then return 0; end if;
    with due as (select job_id, seq from events where overall is null order by at, job_id, seq limit 10000),
         numbered as (select job_id, seq, nextval('events_overall_seq') n from (select * from due order by (select 1)) d)
    update events e set overall = numbered.n from numbered where e.job_id = numbered.job_id and e.seq = numbered.seq;
    get diagnostics n = row_count;
    return n;
end $$;

-- The job: claim, renew, sweep, fence -----------------------------------------------------------------------------------

-- The fairest job that may run now: fewest running by weight, then longest not served; inside a tenant priority, then age.
-- Volatile: each statement sees new commits. All tenants: a worker serves every tenant.
create function claim(p_worker text, p_lease interval) returns setof jobs language plpgsql as $$
declare t bigint; tried bigint[] := '{}'; j jobs; chosen uuid;
begin
    loop
        select tn.id into t from waiting w join tenants tn on tn.id = w.tenant_id
            left join (select tenant_id, count(*) n from jobs where status = 'running' group by 1) r on r.tenant_id = tn.id
            where coalesce(r.n, 0) < tn.running_max and tn.id <> all (tried)
            order by coalesce(r.n, 0) / tn.weight, tn.last_started_at nulls first, tn.id limit 1;
        if t is null then return; end if;
        begin
            perform from tenants where id = t for no key update;  -- waits: a claim is short, and a skipped tenant would cost its hint
            if (select count(*) from jobs where tenant_id = t and status = 'running') < (select running_max from tenants where id = t) then
                select id into chosen from jobs where tenant_id = t and status = 'queued' and run_at <= now()
                    order by priority desc, number limit 1 for no key update skip locked;
                if chosen is not null then
                    update jobs set status = 'running', attempt = attempt + 1, worker = p_worker, heartbeat_at = now(), progress_at = now(),
                        lease_expires_at = now() + p_lease, started_at = coalesce(started_at, now()), backend_pid = null, backend_start = null,
                        version = version + 1, event_seq = event_seq + 1
                        where id = chosen returning * into j;
                    insert into events (tenant_id, job_id, seq, type, data)
                        values (j.tenant_id, j.id, j.event_seq, 'claimed', jsonb_build_object('status', j.status, 'attempt', j.attempt, 'worker', p_worker));
                    update tenants set last_started_at = clock_timestamp() where id = t;
                    return next j;
                    return;
                end if;
            end if;
            raise exception using errcode = 'RF002';
        exception when sqlstate 'RF002' then
            -- Lets go of the tenant: claims that wait for a second one with a first in hand deadlock (8 times in 10 s, measured).
            tried := tried || t;
        end;
        perform 1 from waiting where tenant_id = t for update skip locked;
        if found then
            delete from waiting where tenant_id = t
                and not exists (select 1 from jobs where tenant_id = t and status = 'queued');
        end if;
    end loop;
end $$;

-- Puts lost jobs back, or ends them after their last attempt. Ends the backend of the old attempt first: a frozen process
-- keeps its locks otherwise, the one on the job's row among them. `p_ids` null: every job whose lease has run out.
-- All tenants: a worker repairs for every tenant.
create function take_back(p_ids uuid[], p_attempts int[], p_reason text, p_count boolean) returns setof jobs language plpgsql as $$
declare j jobs; seen jobs; counted boolean;
begin
    for seen in
        select * from jobs where status = 'running'
            and case when p_ids is null then lease_expires_at < now()
                else (id, attempt) in (select * from unnest(p_ids, p_attempts)) end
            order by id limit 100
    loop
        select * into j from hold_lost(seen.id, seen.attempt, p_ids is null);
        if j.id is null then
            -- No longer lost, or another sweeper has it, or its own attempt holds the row: frozen between the fence and its commit.
            continue when not exists (select from jobs where id = seen.id and attempt = seen.attempt and status = 'running'
                and (p_ids is not null or lease_expires_at < now()));
            continue when not end_backend(seen.backend_pid, seen.backend_start);
            select * into j from hold_lost(seen.id, seen.attempt, p_ids is null);
            continue when j.id is null;
        end if;
        continue when not end_backend(j.backend_pid, j.backend_start);
        -- A lease that ran out while the database was away says nothing against the job.
        counted := p_count and not (p_reason = 'lease-over' and j.heartbeat_at < pg_postmaster_start_time());
        if counted and j.crashes + 1 >= j.attempts_max then
            update jobs set status = 'interrupted', finished_at = now(), crashes = crashes + 1, lease_expires_at = null,
                rows_read = greatest(rows_read, cursor, coalesce(rows_total, 0)),
                not_attempted = greatest(rows_read, cursor, coalesce(rows_total, 0)) - created - updated - unchanged - skipped - failed,
                failure = jsonb_build_object('code', 'attempts-exhausted', 'retryable', true, 'details', jsonb_build_object('reason', p_reason, 'attempts', crashes + 1),
                    'message', format('The worker was lost %s times (%s). %s rows are settled, the rest was not attempted.', crashes + 1, p_reason, cursor)),
                backend_pid = null, backend_start = null, version = version + 1, event_seq = event_seq + 1
                where id = j.id returning * into j;
        else
            update jobs set status = 'queued', lease_expires_at = null, backend_pid = null, backend_start = null,
                crashes = crashes + counted::int,
                run_at = case when counted and crashes > 0 then now() + make_interval(secs => least(60, power(2, crashes - 1)) * (0.5 + random())) else now() end,
                version = version + 1, event_seq = event_seq + 1
                where id = j.id returning * into j;
            insert into waiting values (j.tenant_id) on conflict (tenant_id) do update set tenant_id = excluded.tenant_id;
        end if;
        insert into events (tenant_id, job_id, seq, type, data) values (j.tenant_id, j.id, j.event_seq,
            case j.status when 'interrupted' then 'interrupted' else 'requeued' end,
            jsonb_build_object('status', j.status, 'attempt', j.attempt, 'reason', p_reason));
        return next j;
    end loop;
end $$;

-- The lost job under its row's lock as it is now, what committed until just now included; nothing while another holds it.
create function hold_lost(p_job uuid, p_attempt int, p_by_lease boolean) returns setof jobs language sql volatile as $$
    select * from jobs where id = p_job and attempt = p_attempt and status = 'running' and (not p_by_lease or lease_expires_at < now())
        for no key update skip locked $$;

-- Ends a backend and says whether it is gone. Without a backend there is nothing to end.
create function end_backend(p_pid int, p_start timestamptz) returns boolean language plpgsql as $$
begin
    perform pg_stat_clear_snapshot();  -- the view is cached for the transaction
    perform pg_terminate_backend(a.pid, 5000) from pg_stat_activity a
        where a.pid = p_pid and a.backend_start = p_start and a.pid <> pg_backend_pid();
    perform pg_stat_clear_snapshot();
    return not exists (select from pg_stat_activity a where a.pid = p_pid and a.backend_start = p_start);
end $$;

-- What an attempt says besides its chunks: a step begins, rows are counted, the source is known. Raises like the fence.
create function advance(p_job uuid, p_attempt int, p_step text, p_rows_total bigint, p_rows_read bigint, p_source jsonb, p_checkpoint jsonb,
    out cancel boolean, out pause boolean) language plpgsql as $$
declare j jobs; reached int; further boolean;
begin
    j := hold(p_job, p_attempt);
    reached := array_position(j.steps, p_step) - 1;
    if reached is null then
        raise exception 'the job has no step %', p_step;
    end if;
    further := reached > j.steps_completed;
    update jobs set steps_completed = greatest(steps_completed, reached), progress_at = now(), version = version + 1,
        event_seq = event_seq + further::int,
        load_started_at = case when p_step = 'load' then coalesce(load_started_at, now()) else load_started_at end,
        rows_total = coalesce(p_rows_total, rows_total), rows_read = greatest(rows_read, coalesce(p_rows_read, 0)),
        source = source || p_source, checkpoint = checkpoint || p_checkpoint
        where id = p_job returning * into j;
    if further then
        insert into events (job_id, seq, type, data) values (p_job, j.event_seq, 'step',
            jsonb_build_object('status', j.status, 'attempt', j.attempt, 'step', p_step));
    end if;
    cancel := j.cancel_requested_at is not null;
    pause := j.pause_requested_at is not null;
end $$;

-- The job under its row's lock, if the attempt is the current one.
create function hold(p_job uuid, p_attempt int) returns jobs language plpgsql as $$
declare j jobs;
begin
    select * into j from jobs where id = p_job and tenant_id = tenant() and attempt = p_attempt and status = 'running' for no key update;
    if not found then
        raise exception 'the attempt % of job % is no longer the current one', p_attempt, p_job using errcode = 'RF001';
    end if;
    return j;
end $$;

-- Where an attempt leads: a terminal status, with its books closed (what was not reached is not attempted), or one that waits for people.
create function finish(p_job uuid, p_attempt int, p_status text, p_failure jsonb, p_result jsonb) returns void language plpgsql as $$
declare j jobs; ended boolean := p_status in ('succeeded', 'partial', 'failed', 'cancelled', 'interrupted');
begin
    j := hold(p_job, p_attempt);
    j.rows_read := greatest(j.rows_read, j.cursor, coalesce(j.rows_total, 0));
    update jobs set status = p_status, finished_at = case when ended then now() end, lease_expires_at = null, backend_pid = null, backend_start = null,
        pause_requested_at = null, progress_at = now(), failure = p_failure, result = p_result,
        steps_completed = case when p_status in ('succeeded', 'partial') then array_length(steps, 1) else steps_completed end,
        rows_read = case when ended then j.rows_read else rows_read end,
        not_attempted = case when ended then j.rows_read - created - updated - unchanged - skipped - failed else not_attempted end,
        version = version + 1, event_seq = event_seq + 1
        where id = p_job;
    insert into events (job_id, seq, type, data) values (p_job, j.event_seq + 1, case when ended then 'finished' else p_status end,
        jsonb_build_object('status', p_status, 'attempt', j.attempt) || case when p_failure is null then '{}' else jsonb_build_object('code', p_failure -> 'code') end);
end $$;

-- The fence: the last statement of a chunk's transaction. It raises, because a row count can be overlooked in a pipeline.
-- Returns the wishes: (cancel asked, pause asked).
create function fence(p_job uuid, p_attempt int, p_from bigint, p_to bigint, p_counts bigint[], p_checkpoint jsonb,
    out cancel boolean, out pause boolean) language plpgsql as $$
begin
    update jobs set cursor = p_to, rows_read = greatest(rows_read, p_to),
        created = created + p_counts[1], updated = updated + p_counts[2], unchanged = unchanged + p_counts[3],
        skipped = skipped + p_counts[4], failed = failed + p_counts[5], not_attempted = not_attempted + p_counts[6],
        checkpoint = checkpoint || p_checkpoint, progress_at = now(), version = version + 1
        where id = p_job and tenant_id = tenant() and attempt = p_attempt and status = 'running' and cursor = p_from
        returning cancel_requested_at is not null, pause_requested_at is not null into cancel, pause;
    if not found then
        raise exception 'the attempt % of job % is no longer the current one', p_attempt, p_job using errcode = 'RF001';
    end if;
end $$;

grant execute on all functions in schema rowferry to rowferry_app, rowferry_system, rowferry_loader;

-- What runs before the tenant is known --------------------------------------------------------------------------------

create function principal(p_hash bytea, out token_id uuid, out tenant_id bigint, out tenant_slug text, out user_id bigint, out user_name text,
    out scopes text[], out state text) returns setof record language sql stable security definer set search_path = rowferry, pg_temp as $$
    select k.id, k.tenant_id, n.slug, k.user_id, u.name, k.scopes,
        case when k.revoked_at is not null then 'revoked' when k.expires_at <= now() then 'expired' else 'valid' end
    from tokens k join tenants n on n.id = k.tenant_id join users u on u.id = k.user_id where k.hash = p_hash $$;

-- A poll in one round trip: whose token it is, then the job as that tenant sees it, behind the row policies like any other read.
create function see_job(p_hash bytea, p_job uuid, out token_id uuid, out token_tenant bigint, out tenant_slug text, out token_user bigint,
    out user_name text, out scopes text[], out state text, out job jobs, out created_by_name text) language plpgsql as $$
begin
    select p.* into token_id, token_tenant, tenant_slug, token_user, user_name, scopes, state from principal(p_hash) p;
    if state = 'valid' then
        perform set_config('rowferry.tenant', token_tenant::text, true);
        select j.* into job from jobs j where j.tenant_id = token_tenant and j.id = p_job;
        select u.name into created_by_name from users u where u.tenant_id = token_tenant and u.id = job.created_by;
    end if;
end $$;
create function see_job_version(p_hash bytea, p_job uuid, out token_id uuid, out token_tenant bigint, out tenant_slug text, out token_user bigint,
    out user_name text, out scopes text[], out state text, out version bigint, out status text) language plpgsql as $$
begin
    select p.* into token_id, token_tenant, tenant_slug, token_user, user_name, scopes, state from principal(p_hash) p;
    if state = 'valid' then
        perform set_config('rowferry.tenant', token_tenant::text, true);
        select j.version, j.status into version, status from jobs j where j.tenant_id = token_tenant and j.id = p_job;
    end if;
end $$;
revoke execute on function see_job(bytea, uuid), see_job_version(bytea, uuid) from public, rowferry_loader;
grant execute on function see_job(bytea, uuid), see_job_version(bytea, uuid) to rowferry_app;

revoke execute on function principal(bytea), number_events(), claim(text, interval), take_back(uuid[], int[], text, boolean), end_backend(int, timestamptz),
    hold_lost(uuid, int, boolean)
    from public, rowferry_app, rowferry_loader;
grant execute on function principal(bytea) to rowferry_app;
grant execute on function number_events() to rowferry_system, rowferry_app;

-- Both run as the role that sees every tenant: the owner's own sight ends at the row policies, which are forced.
set local role none;
grant create on schema rowferry to rowferry_system;
alter function principal(bytea) owner to rowferry_system;
alter function number_events() owner to rowferry_system;
revoke create on schema rowferry from rowferry_system;
set local role rowferry_owner;
