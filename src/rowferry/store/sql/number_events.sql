-- all tenants: the overall numbers of events go across them
select number_events() as numbered
