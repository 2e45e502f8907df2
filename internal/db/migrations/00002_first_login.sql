-- +goose Up

-- Times are UTC microseconds. JSON stands in text columns.

-- directory

create table organizations (
    id                        text primary key,
    name                      text not null,
    edition                   text not null,
    session_idle_minutes      bigint not null,
    session_max_minutes       bigint not null,
    initial_password_required boolean not null,
    created_at                bigint not null
);

create table domains (
    id              text primary key,
    organization_id text not null references organizations (id),
    name            text not null, -- IDNA A-label, lower case
    status          text not null,
    proof_token     text not null,
    sso_profile_id  text,          -- the profile that it is enforced with
    verified_at     bigint,
    created_at      bigint not null
);
create unique index domains_claim on domains (organization_id, name);
-- Any organization may claim a name; one at a time holds it.
create unique index domains_holder on domains (name) where status <> 'pending';
create index domains_enforced on domains (sso_profile_id) where sso_profile_id is not null;

create table users (
    id              text primary key,
    email           text not null, -- as it was typed
    email_key       text not null, -- as addresses are compared
    email_domain    text not null, -- the domain of email_key
    name            text not null,
    organization_id text references organizations (id), -- null: independent
    role            text not null, -- organization role; empty: independent
    status          text not null,
    sso_setting     text not null,
    sso_profile_id  text,
    password_hash   text not null, -- empty: none
    password_set_at bigint,
    proved_at       bigint, -- the address was proved
    managed_at      bigint, -- became managed by organization_id
    activated_at    bigint,
    created_at      bigint not null
);
create unique index users_email on users (email_key);
create index users_organization on users (organization_id, id) where organization_id is not null;
create index users_domain on users (email_domain, id);
create index users_pilot on users (sso_profile_id, id) where sso_profile_id is not null;

create table invitations (
    id              text primary key,
    organization_id text not null references organizations (id),
    email           text not null,
    email_key       text not null,
    name            text not null,
    role            text not null,
    created_at      bigint not null
);
create unique index invitations_address on invitations (organization_id, email_key);

create table accounts (
    id              text primary key,
    organization_id text not null references organizations (id),
    name            text not null,
    archived_at     bigint,
    created_at      bigint not null
);
create index accounts_organization on accounts (organization_id, id);

create table account_members (
    account_id text not null references accounts (id),
    user_id    text not null references users (id),
    roles      text not null, -- JSON array
    created_at bigint not null,
    primary key (account_id, user_id)
);
create index account_members_user on account_members (user_id);

-- session

create table sessions (
    id               text primary key,
    token_hash       bytea not null,
    user_id          text not null,
    method           text not null,
    sso_profile_id   text,
    name_id          text not null, -- what the Identity Provider called the user
    session_index    text not null,
    authenticated_at bigint not null,
    not_on_or_after  bigint, -- the Identity Provider's bound
    address          text not null,
    agent            text not null,
    created_at       bigint not null
);
create unique index sessions_token on sessions (token_hash);
create index sessions_user on sessions (user_id, id);
create index sessions_profile on sessions (sso_profile_id, id) where sso_profile_id is not null;
create index sessions_age on sessions (created_at);

-- Apart from sessions, because this changes all the time and that does not.
create table session_activity (
    session_id   text primary key references sessions (id) on delete cascade,
    last_seen_at bigint not null
);
create index session_activity_age on session_activity (last_seen_at);

-- signin

create table arrivals (
    token_hash       bytea primary key,
    browser_hash     bytea not null,
    page             text not null,
    user_id          text not null,
    method           text not null,
    sso_profile_id   text,
    name_id          text not null,
    session_index    text not null,
    authenticated_at bigint not null,
    not_on_or_after  bigint,
    return_to        text not null,
    expires_at       bigint not null,
    used_at          bigint
);
create index arrivals_age on arrivals (expires_at);

-- sso

create table sso_profiles (
    id              text primary key,
    organization_id text not null references organizations (id),
    name            text not null,
    idp             text not null,
    managed_by      text not null,
    disabled        boolean not null,
    idp_entity_id   text not null, -- empty: a draft
    idp_sso         text not null, -- JSON
    idp_slo         text not null, -- JSON
    options         text not null, -- JSON
    tested_hash     bytea,         -- of the configuration that passed a test
    tested_at       bigint,
    version         bigint not null,
    created_at      bigint not null
);
create index sso_profiles_organization on sso_profiles (organization_id, id);

create table sso_certificates (
    sso_profile_id text not null references sso_profiles (id),
    sha256         text not null,
    der            bytea not null,
    added_at       bigint not null,
    primary key (sso_profile_id, sha256)
);

create table sso_requests (
    id             text primary key,
    sso_profile_id text not null,
    browser_hash   bytea not null,
    return_to      text not null,
    restarted      boolean not null,
    created_at     bigint not null,
    used_at        bigint
);
create index sso_requests_age on sso_requests (created_at);

create table sso_assertions (
    sso_profile_id text not null,
    assertion_id   text not null,
    forget_at      bigint not null,
    primary key (sso_profile_id, assertion_id)
);
create index sso_assertions_age on sso_assertions (forget_at);

create table sso_tickets (
    token_hash      bytea primary key,
    browser_hash    bytea not null,
    sso_profile_id  text not null,
    user_id         text not null,
    name_id         text not null,
    session_index   text not null,
    authenticated_at bigint not null,
    not_on_or_after bigint,
    return_to       text not null,
    reference       text not null,
    expires_at      bigint not null,
    used_at         bigint
);
create index sso_tickets_age on sso_tickets (expires_at);

-- token

create table api_tokens (
    id              text primary key,
    token_hash      bytea not null,
    name            text not null,
    organization_id text references organizations (id), -- null: operator-wide
    scope           text not null,
    maker_id        text,          -- the user who made it; null: the operator
    created_at      bigint not null,
    expires_at      bigint not null
);
create unique index api_tokens_token on api_tokens (token_hash);
create index api_tokens_organization on api_tokens (organization_id, id);
create index api_tokens_maker on api_tokens (maker_id) where maker_id is not null;

-- audit

create table audit_events (
    id              text primary key,
    time            bigint not null,
    organization_id text, -- null: the installation
    actor_kind      text not null,
    actor_id        text not null,
    actor_name      text not null,
    address         text not null,
    agent           text not null,
    action          text not null,
    target_kind     text not null,
    target_id       text not null,
    target_name     text not null,
    changes         text not null, -- JSON
    outcome         text not null,
    code            text not null,
    reference       text not null
);
create index audit_events_organization on audit_events (organization_id, id);
create index audit_events_target on audit_events (target_id, id);
