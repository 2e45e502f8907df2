package audit_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/testenv/parts"
)

var exporter = access.Actor{Kind: access.KindUser, ID: "usr_1", Name: "owner@acme.test", OrganizationID: "org_1", Role: access.RoleOwner}

// write appends events of an organization, one a second.
func write(t testing.TB, p *parts.Parts, organizationID string, n int, action audit.Action, name string) {
	t.Helper()
	for done := 0; done < n; done += 1000 {
		p.Update(t, exporter, func(tx *db.Tx) error {
			for i := done; i < min(n, done+1000); i++ {
				if err := p.Audit.Append(tx, audit.Event{OrganizationID: organizationID, Action: action,
					Target: audit.Target{Kind: "user", ID: "usr_2", Name: name}, Changes: []audit.Change{{Field: "name", Old: "A", New: fmt.Sprint("B", i)}}}); err != nil {
					return err
				}
			}
			return nil
		})
		p.Pass(time.Second)
	}
}

func export(t testing.TB, p *parts.Parts, q audit.Query, f audit.Format) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Audit.Export(t.Context(), exporter, q, f, func() io.Writer { return &b }); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestAnExportHoldsWhatItsFilterFindsAndStandsInTheLog(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		write(t, p, "org_1", 1203, audit.UserUpdated, "user@acme.test")
		write(t, p, "org_1", 3, audit.DomainClaimed, "acme.test")
		write(t, p, "org_2", 5, audit.UserUpdated, "user@globex.test")
		seen := map[string]bool{}
		last := "~"
		for line := range strings.Lines(export(t, p, audit.Query{OrganizationID: "org_1", Action: "user."}, audit.JSONLines)) {
			var e audit.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			if e.OrganizationID != "org_1" || e.Action != audit.UserUpdated || e.ID >= last || seen[e.ID] || e.Changes[0].Old != "A" || e.Actor.Name != "owner@acme.test" {
				t.Fatalf("%+v behind %s", e, last)
			}
			seen[e.ID], last = true, e.ID
		}
		if len(seen) != 1203 {
			t.Errorf("%d events", len(seen))
		}
		var newest []audit.Event
		p.View(t, func(tx *db.Tx) (err error) {
			newest, err = p.Audit.List(tx, audit.Query{OrganizationID: "org_1", Limit: 1})
			return err
		})
		if e := newest[0]; e.Action != audit.LogExported || e.Actor.Name != "owner@acme.test" || len(e.Changes) != 2 || e.Changes[0].New != "jsonl" || e.Changes[1].New != "user." {
			t.Errorf("%+v", e)
		}
		if all := strings.Count(export(t, p, audit.Query{OrganizationID: "org_1"}, audit.JSONLines), "\n"); all != 1203+3+2 {
			t.Errorf("%d events in all", all)
		}
		if none := export(t, p, audit.Query{OrganizationID: "org_1", Action: "no_kind."}, audit.JSONLines); none != "" {
			t.Errorf("%q", none)
		}
	})
}

func TestAnExportedCellIsNoFormula(t *testing.T) {
	p := parts.New(t, "sqlite")
	write(t, p, "org_1", 2, audit.UserUpdated, `=HYPERLINK("https://other.example","x")`)
	rows, err := csv.NewReader(strings.NewReader(export(t, p, audit.Query{OrganizationID: "org_1", Action: string(audit.UserUpdated)}, audit.CSV))).ReadAll()
	if err != nil || len(rows) != 3 || rows[0][0] != "id" || rows[1][10] != `'=HYPERLINK("https://other.example","x")` || !strings.HasPrefix(rows[1][11], "name: A → B") {
		t.Fatalf("%q, %v", rows, err)
	}
	if head := export(t, p, audit.Query{OrganizationID: "org_1", Action: string(audit.TokenCreated)}, audit.CSV); strings.Count(head, "\n") != 1 || !strings.HasPrefix(head, "id,time,") {
		t.Errorf("%q", head)
	}
}

func TestAnExportThatCannotBeWrittenEnds(t *testing.T) {
	p := parts.New(t, "sqlite")
	write(t, p, "org_1", 3000, audit.UserUpdated, "user@acme.test")
	gone := errors.New("the client has gone")
	if err := p.Audit.Export(t.Context(), exporter, audit.Query{OrganizationID: "org_1"}, audit.CSV, func() io.Writer { return failing{gone} }); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := p.Audit.Export(ctx, exporter, audit.Query{OrganizationID: "org_1"}, audit.CSV, func() io.Writer { cancel(); return io.Discard })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	opened := false
	err = p.Audit.Export(t.Context(), exporter, audit.Query{OrganizationID: "org_1"}, "xml", func() io.Writer { opened = true; return io.Discard })
	if parts.Code(err) != fault.CodeInvalid || opened {
		t.Errorf("%v, opened %v", err, opened)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestALargeLogIsExportedInLittleMemory streams many events.
func TestALargeLogIsExportedInLittleMemory(t *testing.T) {
	n := 20_000
	if os.Getenv("SOAK") != "" {
		n = 1_000_000
	}
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		write(t, p, "org_1", n, audit.UserUpdated, "user@acme.test")
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		w := &watching{base: before.HeapAlloc}
		start := time.Now()
		if err := p.Audit.Export(t.Context(), exporter, audit.Query{OrganizationID: "org_1"}, audit.CSV, func() io.Writer { return w }); err != nil {
			t.Fatal(err)
		}
		if w.lines != n+2 || w.most > 64<<20 {
			t.Errorf("%d lines, %d MiB", w.lines, w.most>>20)
		}
		t.Logf("%d events in %v, at most %d MiB more", n, time.Since(start), w.most>>20)
	})
}

// watching counts lines, and looks at the memory now and then.
type watching struct {
	base, most uint64
	lines, n   int
}

func (w *watching) Write(p []byte) (int, error) {
	w.lines += bytes.Count(p, []byte("\n"))
	if w.n++; w.n%50 == 0 {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		if now.HeapAlloc > w.base {
			w.most = max(w.most, now.HeapAlloc-w.base)
		}
	}
	return len(p), nil
}
