-- all tenants: makes one
insert into tenants (slug) values (%(slug)s) on conflict (slug) do nothing
