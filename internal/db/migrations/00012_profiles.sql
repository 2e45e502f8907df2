-- +goose Up

-- sso

alter table sso_profiles add column notes text not null default ''; -- of the organization's people, for themselves

-- What was read of an Identity Provider and is shown before it is saved: a
-- document may be large, and what is saved has to be what was shown.
create table sso_readings (
    id             text primary key,
    sso_profile_id text not null references sso_profiles (id),
    source         text not null, -- upload, paste, url or hand
    metadata_url   text not null, -- empty: it did not come from there
    pin            text not null, -- certificates, one of which has signed it; empty: nobody asked
    found          text not null, -- JSON
    created_at     bigint not null
);
create index sso_readings_profile on sso_readings (sso_profile_id, id);
create index sso_readings_age on sso_readings (created_at);
