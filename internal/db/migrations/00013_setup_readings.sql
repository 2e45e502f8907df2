-- +goose Up

-- sso

-- The holder of a setup link, too, sees what was read before it is kept, and may
-- give a metadata URL.
alter table sso_drafts add column metadata_url text not null default ''; -- followed once the draft is applied; empty: none
alter table sso_readings add column setup_link_id text not null default ''; -- with which it was asked for; empty: by an administrator
