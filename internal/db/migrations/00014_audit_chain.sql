-- +goose Up

-- audit

-- What an event says, under a key of audit_keys; null: written by an earlier
-- release.
alter table audit_events add column mac_key bigint;
alter table audit_events add column mac bytea;

-- Each filter of the log, newest first.
create index audit_events_action on audit_events (organization_id, action, id);
create index audit_events_actor on audit_events (organization_id, actor_id, id);
create index audit_events_actor_name on audit_events (organization_id, actor_name, id);
create index audit_events_target_name on audit_events (organization_id, target_name, id);

-- Keys of the chain, encrypted under the key-encryption key outside of the
-- database.
create table audit_keys (
    number     bigint primary key,
    sealed     bytea not null,
    created_at bigint not null
);

-- Events that have no seal yet.
create table audit_waiting (
    turn     bigint not null, -- 0: written by an earlier release, which come first; 1: others
    event_id text not null,
    primary key (turn, event_id)
);
insert into audit_waiting (turn, event_id) select 0, id from audit_events;

-- The order in which events were sealed: of each log, and of all logs together.
create table audit_seals (
    position   bigint primary key, -- among all, without gaps
    chain      text not null,      -- an organization, or installation
    number     bigint not null,    -- in its chain, without gaps
    event_id   text not null,
    key_number bigint not null,
    chain_mac  bytea not null,     -- over the event and the one before in its chain
    mac        bytea not null      -- over the event and the one before among all
);
create unique index audit_seals_chain on audit_seals (chain, number);
create unique index audit_seals_event on audit_seals (event_id);

-- Where each chain ends, and where it begins after old events were deleted.
create table audit_heads (
    chain      text primary key, -- total: that of all
    number     bigint not null,
    mac        bytea not null,
    base       bigint not null default 0, -- the last one that was deleted
    base_mac   bytea,
    base_key   bigint,
    base_check bytea -- a MAC over the base
);
