-- +goose Up

-- sso

alter table sso_profiles add column metadata_url text not null default ''; -- empty: the data came otherwise

-- What came of fetching a profile's metadata. Apart from sso_profiles, because
-- this changes all the time and that does not.
create table sso_metadata (
    sso_profile_id text primary key references sso_profiles (id),
    next_at        bigint not null,          -- when it is fetched next
    asked_at       bigint,                   -- when a response with an unknown key asked for it last
    tried_at       bigint,                   -- when it was fetched last
    fetched_at     bigint,                   -- when that was good last
    failed_at      bigint,                   -- since when it is not
    failure        text not null,            -- why; empty: it is good
    detail         text not null,            -- what is wrong with the document, without a word of it
    line           bigint not null,          -- of it; 0: it is not about a line
    valid_until    bigint,                   -- as the last good document says
    waiting        text not null,            -- JSON: another Identity Provider that it named; empty: none
    refused        text not null             -- the entity ID that an administrator has refused
);
create index sso_metadata_due on sso_metadata (next_at, sso_profile_id);

-- What is known of a certificate by the document, and what was decided on it.
create table sso_certificate_standings (
    sso_profile_id text not null references sso_profiles (id),
    sha256         text not null,
    standing       text not null, -- listed, waiting, refused or distrusted
    der            bytea,         -- of one that is not in use
    found_at       bigint not null,
    use_at         bigint,        -- of one that waits: when it is used without anybody's word
    gone_at        bigint,        -- of a listed one: since when the document does not hold it
    primary key (sso_profile_id, sha256)
);

-- When a sign-in was verified with a certificate: first, and last to the hour.
create table sso_certificate_uses (
    sso_profile_id text not null,
    sha256         text not null,
    first_at       bigint not null,
    last_at        bigint not null,
    primary key (sso_profile_id, sha256)
);

-- Which mails on the end of a certificate were written. Ours are among them.
create table sso_expiry_mails (
    sso_profile_id text not null,
    sha256         text not null,
    days           bigint not null, -- before the end
    written_at     bigint not null,
    primary key (sso_profile_id, sha256, days)
);

-- Which certificate the sign-in was verified with: SHA-256; empty: none, or of
-- an earlier release.
alter table sso_tickets add column certificate text not null default '';
alter table arrivals add column certificate text not null default '';
alter table sessions add column certificate text not null default '';
drop index sessions_profile;
create index sessions_certificate on sessions (sso_profile_id, certificate, id) where sso_profile_id is not null;
