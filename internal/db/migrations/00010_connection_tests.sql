-- +goose Up

-- sso

-- Tests of connections. What one has found holds the message: it stands sealed.
create table sso_tests (
    id                text primary key,
    sso_profile_id    text not null,
    organization_id   text not null,
    setup_link_id     text not null,   -- empty: its holder did not ask for it
    asked_by          text not null,   -- name of who did
    draft             boolean not null, -- of the draft, not of the profile
    start_hash        bytea not null,  -- of the token in the address that starts it
    request_id        text not null,   -- that was sent; empty: not started
    config_hash       bytea,           -- of the configuration that it was sent with
    browser_hash      bytea,           -- of the browser that started it
    status            text not null,
    code              text not null,   -- why it has failed
    result            bytea,           -- sealed
    ticket_hash       bytea,           -- leads the browser to the result, once
    ticket_expires_at bigint,
    created_at        bigint not null,
    started_at        bigint,
    answered_at       bigint
);
create unique index sso_tests_start on sso_tests (start_hash);
create unique index sso_tests_request on sso_tests (request_id) where request_id <> '';
create index sso_tests_ticket on sso_tests (ticket_hash) where ticket_hash is not null;
create index sso_tests_profile on sso_tests (sso_profile_id, id);
create index sso_tests_age on sso_tests (created_at);

-- Links with which somebody without an account sets up the other side.
create table sso_setup_links (
    id              text primary key,
    sso_profile_id  text not null,
    organization_id text not null,
    token_hash      bytea not null,
    browser_hash    bytea,         -- of the first browser that posted; null: none yet
    maker_id        text not null, -- the user who made it; empty: the operator
    maker_name      text not null,
    created_at      bigint not null,
    expires_at      bigint not null,
    used_at         bigint,        -- last
    uses            bigint not null,
    revoked_at      bigint
);
create unique index sso_setup_links_token on sso_setup_links (token_hash);
create index sso_setup_links_profile on sso_setup_links (sso_profile_id, id);
create index sso_setup_links_age on sso_setup_links (expires_at);

-- What the holder of a setup link has entered and no administrator has applied.
create table sso_drafts (
    sso_profile_id text primary key references sso_profiles (id),
    setup_link_id  text not null,
    idp            text not null,
    idp_entity_id  text not null,  -- empty: nothing but the choice of the Identity Provider
    idp_sso        text not null,  -- JSON
    idp_slo        text not null,  -- JSON
    certificates   text not null,  -- JSON: DER in base64
    tested_hash    bytea,
    tested_at      bigint,
    version        bigint not null, -- another one for each change
    updated_at     bigint not null
);
