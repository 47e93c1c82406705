-- The function looks for the job of this tenant.
select cancel_requested_at is not null as cancel, pause_requested_at is not null as pause from hold(%(id)s, %(attempt)s)
