package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

//go:embed migrations/*.sql
var embedded embed.FS

// Migrations returns the migrations of this release.
func Migrations() fs.FS {
	files, err := fs.Sub(embedded, "migrations")
	if err != nil {
		panic(err) // only for a path that is none
	}
	return files
}

// Migrate brings the database to this release. Several nodes may call it at
// once. A database that a later release has migrated stays as it is: releases
// run side by side with their neighbours.
func (d *DB) Migrate(ctx context.Context) error {
	pool, done, err := d.engine.migrating(ctx)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	defer done()
	store, err := database.NewStoreFromQuerier(versionTable, versionSQL{})
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectCustom, pool, d.migrations,
		goose.WithStore(store), goose.WithDisableGlobalRegistry(true), goose.WithSlog(d.logger))
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	for {
		before, err := d.version(ctx)
		if err != nil {
			return err
		}
		applied, err := provider.Up(ctx)
		for _, m := range applied {
			// Not for everybody: a server's first line names its address.
			d.logger.DebugContext(ctx, "database migrated", "version", m.Source.Version, "duration", m.Duration)
		}
		if err == nil {
			return nil
		}
		// SQLite has no lock that lasts over several transactions. If another
		// process was faster then our migration failed as a whole, since a
		// version can be entered only once; as long as that moves the database
		// on, it is no failure.
		if after, e := d.version(ctx); e != nil || after == before {
			return fmt.Errorf("migrating: %w", err)
		}
	}
}

// Pending counts the migrations of this release that the database lacks.
func (d *DB) Pending(ctx context.Context) (int, error) {
	current, err := d.version(ctx)
	if err != nil {
		return 0, err
	}
	files, err := fs.Glob(d.migrations, "*.sql")
	if err != nil {
		return 0, err
	}
	pending := 0
	for _, name := range files {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, err
		}
		if version > current {
			pending++
		}
	}
	return pending, nil
}

// version is the number of the last migration that the database has; zero
// before the first.
func (d *DB) version(ctx context.Context) (int64, error) {
	var latest sql.Null[int64]
	err := d.View(ctx, func(tx *Tx) error {
		return tx.QueryRow(versionSQL{}.GetLatestVersion(versionTable)).Scan(&latest)
	})
	if isMissingTable(err) {
		return 0, nil
	}
	return latest.V, err
}

const versionTable = "schema_versions"

// versionSQL is the one text for both engines of goose's own table. A version
// can stand in it once only, unlike in goose's.
type versionSQL struct{}

func (versionSQL) CreateTable(table string) string {
	return `create table ` + table + ` (
		version_id bigint primary key,
		is_applied boolean not null,
		tstamp timestamp not null default current_timestamp
	)`
}

func (versionSQL) InsertVersion(table string) string {
	return `insert into ` + table + ` (version_id, is_applied) values ($1, $2)`
}

func (versionSQL) DeleteVersion(table string) string {
	return `delete from ` + table + ` where version_id = $1`
}

func (versionSQL) GetMigrationByVersion(table string) string {
	return `select tstamp, is_applied from ` + table + ` where version_id = $1`
}

func (versionSQL) ListMigrations(table string) string {
	return `select version_id, is_applied from ` + table + ` order by version_id desc`
}

func (versionSQL) GetLatestVersion(table string) string {
	return `select max(version_id) from ` + table
}
