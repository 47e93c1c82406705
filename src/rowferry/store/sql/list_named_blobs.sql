-- all tenants: a blob is named by the job of one of them
select distinct blob from artifacts where blob = any(%(keys)s)
