-- +goose Up

-- directory

alter table domains add column status_at bigint;                    -- since when it has its status; null: since created_at
alter table domains add column proof_method text not null default ''; -- how it was proved last; empty: never, or on the operator's word
alter table domains add column disputed_at bigint;                  -- it is proved, and another claim lapses or is frozen
alter table domains add column evict_before bigint;                 -- it was lost: users managed up to then are being removed
create index domains_name on domains (name, id);
create index domains_evicting on domains (id) where evict_before is not null;

-- Apart from domains, because this changes all the time and that does not.
create table domain_checks (
    domain_id text primary key references domains (id) on delete cascade,
    next_at   bigint,       -- when to look again; null: when somebody asks
    asked_at  bigint,       -- when somebody asked last
    looked_at bigint,       -- when the search began that found this
    seen_at   bigint,       -- when the proof was there last
    findings  text not null -- JSON: what each resolver showed
);
create index domain_checks_due on domain_checks (next_at, domain_id) where next_at is not null;
insert into domain_checks (domain_id, next_at, findings)
    select id, created_at, '[]' from domains where status = 'pending';

-- Who stands at a domain of an organization, and who of them is made to sign in by SSO.
create index users_managed_domain on users (organization_id, email_domain, id) where organization_id is not null;
create index users_enabled_domain on users (organization_id, email_domain) where sso_setting = 'enabled';
