-- all tenants: workers belong to none
delete from workers where name = any(%(names)s) or heartbeat_at < now() - make_interval(secs => %(seconds)s)
