-- +goose Up

-- Numbers of users by status and role come from the index alone.
create index users_counts on users (organization_id, status, role) where organization_id is not null;
