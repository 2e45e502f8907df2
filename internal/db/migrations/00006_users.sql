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

-- Another address that a user is to have, once it was confirmed.
create table address_changes (
    id           text primary key,
    user_id      text not null references users (id) on delete cascade,
    email        text not null,
    email_key    text not null,
    email_domain text not null,
    created_at   bigint not null
);
create unique index address_changes_user on address_changes (user_id);

-- imports

-- The rows of a file, for a dry run and the import after it.
create table import_uploads (
    id              text primary key,
    organization_id text not null references organizations (id),
    header          text not null, -- JSON: names of the columns
    total           bigint not null,
    complete        boolean not null,
    created_at      bigint not null
);
create index import_uploads_age on import_uploads (created_at);

create table import_rows (
    upload_id    text not null,
    number       bigint not null, -- its line
    email        text not null,
    first_number bigint not null, -- of the first row with the same address; 0: this one
    name         text not null,
    role         text not null,
    cells        text not null,   -- JSON: as they were sent
    fault        text not null,   -- why it is no row; empty: it is one
    primary key (upload_id, number)
);

create table imports (
    id              text primary key, -- its job's
    organization_id text not null references organizations (id),
    source          text not null,
    upload_id       text not null,
    domains         text not null,    -- JSON: names, where the source is domains
    dry_run         boolean not null,
    invite          boolean not null,
    status          text not null,
    code            text not null,
    total           bigint not null,
    done            bigint not null,
    created         bigint not null,
    updated         bigint not null,
    unchanged       bigint not null,
    failed          bigint not null,
    unproved        bigint not null,
    position        bigint not null,  -- number of the last row that was worked on
    at_domain       bigint not null,
    after_user      text not null,
    undo_job_id     text not null,
    undo_status     text not null,
    undone          bigint not null,
    kept            bigint not null,
    undo_position   bigint not null,
    created_by      text not null,
    created_at      bigint not null,
    finished_at     bigint
);
create index imports_organization on imports (organization_id, id);
create index imports_open on imports (organization_id, id) where status in ('queued', 'running');
create index imports_upload on imports (upload_id);

create table import_results (
    import_id text not null,
    number    bigint not null,
    result    text not null,
    code      text not null,
    reason    text not null,
    user_id   text not null, -- or an invitation's
    unproved  boolean not null,
    before    text not null, -- JSON: what it takes to take it back
    undone    text not null default '',
    primary key (import_id, number)
);
create index import_results_result on import_results (import_id, result, number);
