-- Housekeeping removes what its kind keeps no longer: files by their time, and what was overwritten or deleted. Images that are there already stay.
create index artifacts_expiry on artifacts (expires_at);
alter table before_images add column expires_at timestamptz;
create index before_images_expiry on before_images using brin (expires_at);
grant insert (expires_at) on before_images to rowferry_loader;
