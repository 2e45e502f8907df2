-- +goose Up

-- link

-- One-time links that were mailed.
create table one_time_links (
    token_hash bytea primary key,
    purpose    text not null,
    subject_id text not null, -- what it is for
    expires_at bigint not null,
    used_at    bigint,
    ended_at   bigint,        -- before it was used
    created_at bigint not null
);
create index one_time_links_subject on one_time_links (subject_id, purpose);
create index one_time_links_age on one_time_links (expires_at);

-- directory

-- In which mails are written; empty: not known.
alter table users add column language text not null default '';
alter table invitations add column language text not null default '';

-- Sign-ups whose address was never confirmed.
create index users_unproved on users (created_at, id) where status = 'invited' and organization_id is null;

-- signin

-- A first arrival by a link sets a password, whatever the policy says of later
-- ones.
alter table arrivals add column initial boolean not null default false;

-- throttle

-- Tries within a time. There are only so many buckets: see the package.
create table throttles (
    bucket  bytea primary key,
    count   bigint not null,
    ends_at bigint not null
);
create index throttles_age on throttles (ends_at);
