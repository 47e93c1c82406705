-- all tenants: hints know none. A hint in the hands of nobody would be `doing` for ever.
delete from procrastinate_jobs where queue_name = 'work' and status = 'doing' and worker_id is null
