package dbtest_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
)

func TestEachIsNewAndMigratedOnBothEngines(t *testing.T) {
	engines := ""
	for range 2 {
		dbtest.Each(t, func(t *testing.T, d *db.DB) {
			engines += d.Engine() + " "
			if n, err := d.Pending(t.Context()); n != 0 || err != nil {
				t.Errorf("%d migrations pending, %v", n, err)
			}
			err := d.Update(t.Context(), access.System("test"), func(tx *db.Tx) error {
				_, err := tx.Exec("insert into installation (key, value) values ('dbtest', 'here')")
				return err
			})
			if err != nil { // the second time around: the row of the first
				t.Error(err)
			}
		})
	}
	if engines != "sqlite postgres sqlite postgres " {
		t.Error(engines)
	}
}

func TestChangesAreWatched(t *testing.T) {
	o := db.Options{
		Migrations: fstest.MapFS{"00001_users.sql": {Data: []byte("-- +goose Up\ncreate table users (id text);\n")}},
		Clock:      func() time.Time { return time.Unix(7, 0) },
	}
	dbtest.EachWith(t, o, func(t *testing.T, d *db.DB) {
		err := d.Update(t.Context(), access.System("test"), func(tx *db.Tx) error {
			if tx.Now().Unix() != 7 {
				t.Error("the clock was not taken")
			}
			_, err := tx.Exec("insert into users (id) values ('1')")
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "without an audit event") {
			t.Errorf("%v", err)
		}
	})
}
