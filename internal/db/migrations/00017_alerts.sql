-- +goose Up

-- record

-- Lists by outcome read no more than they show, whichever it is.
create index record_attempts_outcome on record_attempts (organization_id, outcome, id);
drop index record_attempts_refused;
create index record_hours_refused on record_hours (hour, sso_profile_id) where outcome = 'refused' and sso_profile_id <> '';

-- sso

-- SSO profiles whose sign-ins began to fail, the last time of each.
create table sso_alerts (
    sso_profile_id  text primary key references sso_profiles (id),
    organization_id text not null,
    began_at        bigint not null,
    mailed_at       bigint not null, -- when its administrators were told last
    code            text not null,   -- the most frequent
    failed          bigint not null, -- of so many
    tried           bigint not null,
    ended_at        bigint           -- when sign-ins worked again
);
create index sso_alerts_open on sso_alerts (organization_id, sso_profile_id) where ended_at is null;
