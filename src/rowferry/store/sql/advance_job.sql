-- The function looks for the job of this tenant.
select cancel, pause from advance(%(id)s, %(attempt)s, %(step)s, %(rows_total)s, %(rows_read)s, %(source)s, %(checkpoint)s)
