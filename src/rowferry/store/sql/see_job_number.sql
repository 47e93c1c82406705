select s.token_id, s.token_tenant, s.tenant_slug, s.token_user, s.user_name, s.scopes, s.state, s.created_by_name, s.files,
    (s.job).id, (s.job).number, (s.job).tenant_id, (s.job).kind, (s.job).type, (s.job).status, (s.job).version, (s.job).created_at,
    (s.job).started_at, (s.job).finished_at, (s.job).created_by, (s.job).steps, (s.job).steps_completed, (s.job).rows_total,
    (s.job).load_started_at, (s.job).cursor, (s.job).rows_read, (s.job).created, (s.job).updated, (s.job).unchanged, (s.job).skipped,
    (s.job).failed, (s.job).not_attempted, (s.job).attempt, (s.job).attempts_max, (s.job).worker, (s.job).heartbeat_at, (s.job).progress_at,
    (s.job).lease_expires_at, (s.job).cancel_requested_at, (s.job).pause_requested_at, (s.job).failure, (s.job).source, (s.job).options,
    (s.job).params, (s.job).metadata, (s.job).result, (s.job).checkpoint, (s.job).original_job_id, (s.job).same_file_as
from see_job_number(%(hash)s, %(number)s) s
