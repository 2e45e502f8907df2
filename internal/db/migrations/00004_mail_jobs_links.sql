-- +goose Up

-- outbox

-- What is to be sent. A row goes when it was sent or given up.
create table outbox_mails (
    id         text primary key,
    kind       text not null,
    sealed     bytea not null,  -- the mail, encrypted: it may hold a one-time link
    attempts   bigint not null,
    due_at     bigint not null, -- not before; whoever sends it moves this ahead
    give_up_at bigint not null,
    created_at bigint not null
);
create index outbox_mails_due on outbox_mails (due_at, id);

-- job

-- Tasks that come again and again: who does one now, and when it is due next.
create table job_tasks (
    name         text primary key,
    due_at       bigint not null,
    holder       text not null,   -- the node that does it; empty: nobody
    held_until   bigint not null,
    succeeded_at bigint
);

-- Work that is done once, in steps.
create table jobs (
    id          text primary key,
    kind        text not null,
    status      text not null,
    actor       text not null, -- JSON: who asked for it
    input       text not null,
    checkpoint  text not null, -- where to go on
    done        bigint not null,
    total       bigint not null,
    attempts    bigint not null, -- that ended in an error since the last step
    code        text not null,   -- why it failed
    due_at      bigint not null,
    holder      text not null,
    held_until  bigint not null,
    created_at  bigint not null,
    finished_at bigint
);
create index jobs_open on jobs (due_at, id) where finished_at is null;
create index jobs_age on jobs (finished_at) where finished_at is not null;
