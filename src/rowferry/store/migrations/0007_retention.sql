-- Housekeeping removes what its kind keeps no longer: files by their time, and what was overwritten or deleted.
create index artifacts_expiry on artifacts (expires_at);

-- Images that are there already were promised thirty days; a column with a constant default writes no row anew.
alter table before_images add column expires_at timestamptz default now() + interval '30 days';
alter table before_images alter column expires_at drop default;
create index before_images_expiry on before_images using brin (expires_at);
grant insert (expires_at) on before_images to rowferry_loader;
