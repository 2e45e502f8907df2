-- +goose Up

-- search

-- A stretch of the entries of one class; see the package.
create table search_segments (
    id              bigint primary key,
    organization_id text not null,
    domain          text not null,
    kind            text not null,
    status          text not null,
    role            text not null,
    sso             text not null,
    first_entry     text collate "binary" not null -- the least that belongs here; empty: the first segment of the class
);
create unique index search_segments_class on search_segments (organization_id, domain, kind, status, role, sso, first_entry);

-- Every entry stands below the empty word, and below each of its own.
create table search_words (
    segment_id bigint not null,
    word       text collate "binary" not null,
    entry      text collate "binary" not null,
    primary key (segment_id, word, entry)
);

-- directory

-- What a row stands below in search_words; empty: nowhere yet.
alter table users add column search_words text not null default '';
alter table invitations add column search_words text not null default '';
alter table invitations add column email_domain text not null default '';
create index users_unsearched on users (id) where organization_id is not null and search_words = '';
create index invitations_unsearched on invitations (id) where search_words = '';
create index invitations_organization on invitations (organization_id, id);
-- Whom an import of a domain finds.
create index users_independent on users (email_domain, id) where organization_id is null;
