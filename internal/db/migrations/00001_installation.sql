-- +goose Up
create table installation (
	key text primary key,
	value text not null
);
