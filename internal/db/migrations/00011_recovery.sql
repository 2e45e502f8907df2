-- +goose Up

-- recovery

-- Codes of owners for when nothing else lets them in.
create table recovery_codes (
    code_hash  bytea primary key,
    user_id    text not null,
    made_at    bigint not null,
    used_at    bigint
);
create index recovery_codes_user on recovery_codes (user_id);

-- Who was let in by break-glass, and when: everybody who administers the
-- organization sees it for a while.
create table recoveries (
    id              text primary key, -- the session's
    organization_id text not null,
    user_id         text not null,
    email           text not null,
    used_at         bigint not null
);
create index recoveries_organization on recoveries (organization_id, used_at);
create index recoveries_age on recoveries (used_at);

-- directory

-- Numbers of users at a domain, by what decides how they sign in, come from the
-- index alone.
create index users_domain_counts on users (organization_id, email_domain, sso_setting, status) where organization_id is not null;
