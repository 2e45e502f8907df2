-- +goose Up

-- sso

-- Our keys of a profile: the newest that is active signs; each of them decrypts
-- and stands in our metadata until it is removed.
create table sso_keys (
    id             text primary key,
    sso_profile_id text not null references sso_profiles (id),
    certificate    bytea not null,  -- DER
    private_key    bytea not null,  -- PKCS #8, sealed
    created_at     bigint not null,
    active_at      bigint not null,
    remove_at      bigint           -- null: it has no successor
);
create index sso_keys_profile on sso_keys (sso_profile_id, id);
create index sso_keys_removal on sso_keys (remove_at) where remove_at is not null;

-- Logout requests: those that we sent, until they are answered, and those that
-- we were sent, so that none counts twice.
create table sso_logouts (
    sso_profile_id text not null,
    sent           boolean not null, -- by us
    message_id     text not null,
    user_id        text not null,    -- of one that we sent: who signed out
    created_at     bigint not null,
    answered_at    bigint,
    forget_at      bigint not null,
    primary key (sso_profile_id, sent, message_id)
);
create index sso_logouts_age on sso_logouts (forget_at);

-- What else than its value belongs to a NameID: format and qualifiers, as JSON.
-- A request to end the session names the user by all of it.
alter table sso_tickets add column name_id_details text not null default '';
alter table arrivals add column name_id_details text not null default '';
alter table sessions add column name_id_details text not null default '';

create index sessions_name_id on sessions (sso_profile_id, name_id) where sso_profile_id is not null;
create index sso_tickets_name_id on sso_tickets (sso_profile_id, name_id) where used_at is null;
