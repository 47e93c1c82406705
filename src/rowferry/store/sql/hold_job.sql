-- The function looks for the job of this tenant.
select from hold(%(id)s, %(attempt)s)
