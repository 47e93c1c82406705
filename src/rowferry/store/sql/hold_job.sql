-- The function looks for the job of this tenant.
select cancel_requested_at is not null as cancel, pause_requested_at is not null as pause,
    cursor, rows_read, created, updated, unchanged, skipped, failed, not_attempted
from hold(%(id)s, %(attempt)s)
