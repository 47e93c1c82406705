-- The function looks for the job of this tenant.
select cancel, pause from fence(%(id)s, %(attempt)s, %(from)s, %(to)s, %(counts)s::bigint[], %(checkpoint)s)
