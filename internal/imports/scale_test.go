package imports_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/directory"
	"sallyport/internal/imports"
	"sallyport/internal/testenv/parts"
)

// A size is how many rows are imported, and in what time. With SOAK=1 these are
// the full figures. Otherwise tests of other packages take turns on the same
// processors, so that only what is far off shows.
type size struct {
	rows    int
	within  time.Duration
	signIns float64 // the part of the sign-ins that has to be in time
}

func theSize() size {
	if os.Getenv("SOAK") == "1" {
		return size{rows: 100_000, within: time.Minute, signIns: 0.99}
	}
	return size{rows: 3_000, within: time.Minute, signIns: 0.1}
}

// signInWithin is how long a sign-in may take while an import runs.
const signInWithin = 100 * time.Millisecond

// TestPeopleSignInWhileManyAreImported measures an import, and the sign-ins
// meanwhile.
func TestPeopleSignInWhileManyAreImported(t *testing.T) {
	for _, engine := range []string{dbtest.SQLiteEngine, dbtest.PostgresEngine} {
		t.Run(engine, func(t *testing.T) {
			n := theSize()
			p := parts.New(t, engine)
			p.Work(t)
			acme := p.Organization(t, "Acme")
			d := acme.Domain(t, "acme.test")
			for i := range 20 {
				acme.User(t, fmt.Sprintf("known%d@acme.test", i), access.RoleMember)
			}
			profile := acme.Profile(t)
			profile.Enforce(t, d)
			var file strings.Builder
			file.WriteString("email,name,role\n")
			for i := range n.rows {
				fmt.Fprintf(&file, "first%d.last%d@acme.test,First%d Last%d,member\n", i%977, i, i%977, i)
			}

			stop, took := make(chan struct{}), make(chan []time.Duration)
			go func() {
				var all []time.Duration
				for i := 0; ; i++ {
					select {
					case <-stop:
						took <- all
						return
					case <-time.After(20 * time.Millisecond):
					}
					started := time.Now()
					if _, err := profile.Login(t, fmt.Sprintf("known%d@acme.test", i%20)); err != nil {
						t.Errorf("sign-in %d: %v", i, err)
					}
					all = append(all, time.Since(started))
				}
			}()
			started := time.Now()
			i, err := p.Imports.ImportCSV(t.Context(), operator, acme.ID, strings.NewReader(file.String()), imports.Options{})
			if err != nil {
				t.Fatal(err)
			}
			kept := time.Since(started)
			for i.Open() {
				if time.Since(started) > 10*n.within {
					t.Fatalf("the import does not end: %+v", i)
				}
				time.Sleep(20 * time.Millisecond)
				p.Pass(20 * time.Millisecond) // a step that fails is done again later
				if i, err = p.Imports.Import(t.Context(), operator, i.ID); err != nil {
					t.Fatal(err)
				}
			}
			whole := time.Since(started)
			close(stop)
			signIns := <-took
			if i.Created != int64(n.rows) || i.Done != i.Total {
				t.Errorf("%+v", i)
			}
			slices.Sort(signIns)
			at := signIns[min(len(signIns)-1, int(n.signIns*float64(len(signIns))))]
			t.Logf("%s: %d rows in %v, of which %v to upload; %d sign-ins, median %v, at %v %v, longest %v; %d conflicts", engine, n.rows, whole.Round(time.Millisecond), kept.Round(time.Millisecond),
				len(signIns), signIns[len(signIns)/2].Round(time.Millisecond), n.signIns, at.Round(time.Millisecond), signIns[len(signIns)-1].Round(time.Millisecond), p.DB.Stats().Retries)
			if whole > n.within {
				t.Errorf("%d rows take %v", n.rows, whole)
			}
			if at > signInWithin {
				t.Errorf("a sign-in meanwhile takes %v", at)
			}
			if list, err := p.Directory.Users(t.Context(), operator, directory.UserQuery{OrganizationID: acme.ID, Text: "last77 first77", Page: directory.Page{Limit: 10}}); err != nil || len(list.Items) == 0 {
				t.Errorf("%+v, %v", list, err)
			}
		})
	}
}
