-- The function looks for the job of this tenant.
select finish(%(id)s, %(attempt)s, %(status)s, %(failure)s, %(result)s)
