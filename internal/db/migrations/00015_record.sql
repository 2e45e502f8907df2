-- +goose Up

-- record

-- Attempts to sign in. An id sorts by time, and is the reference that the user
-- is shown.
create table record_attempts (
    id              text primary key,
    time            bigint not null,
    organization_id text not null, -- empty: nobody's but the operator's
    sso_profile_id  text not null, -- empty: none
    user_id         text not null, -- empty: nobody who is known
    email           text not null, -- hash:… where it is nobody's
    email_key       text not null, -- to find somebody unknown by; else empty
    method          text not null,
    started_at      text not null, -- idp or here; empty: not known
    outcome         text not null, -- pending, succeeded or refused
    code            text not null, -- why it was refused
    address         text not null,
    agent           text not null
);
create index record_attempts_organization on record_attempts (organization_id, id);
create index record_attempts_profile on record_attempts (organization_id, sso_profile_id, id) where sso_profile_id <> '';
create index record_attempts_user on record_attempts (organization_id, user_id, id) where user_id <> '';
create index record_attempts_email on record_attempts (organization_id, email_key, id) where email_key <> '';
create index record_attempts_refused on record_attempts (organization_id, id) where outcome = 'refused';
create index record_attempts_code on record_attempts (organization_id, code, id) where code <> '';

-- What is bulky of an attempt: its checks, the message, its attributes. Sealed.
create table record_details (
    attempt_id      text primary key,
    organization_id text not null,
    sealed          bytea not null
);

-- How many attempts there were, those included that left nothing but this.
create table record_hours (
    organization_id text not null,
    hour            bigint not null, -- its start
    sso_profile_id  text not null,
    method          text not null,
    outcome         text not null,
    code            text not null,
    attempts        bigint not null,
    kept            bigint not null, -- with a row of their own
    octets          bigint not null, -- of their details
    primary key (organization_id, hour, sso_profile_id, method, outcome, code)
);
create index record_hours_age on record_hours (hour);

-- Users whose attempts are to go. What was under way when they were removed
-- goes too.
create table record_erasures (
    organization_id text not null,
    user_id         text not null,
    email_key       text not null,
    before          bigint not null,
    primary key (organization_id, user_id)
);

-- signin

alter table arrivals add column reference text not null default ''; -- of the attempt
