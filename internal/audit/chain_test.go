package audit_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/secret"
	"sallyport/internal/testenv/parts"
)

// A book is a log to tamper with: events of two organizations and of the
// installation, in turns, sealed in several batches.
type book struct {
	*parts.Parts
	t   *testing.T
	ids []string // of the events, by position; the first stands at 1
}

func newBook(t *testing.T, p *parts.Parts) *book {
	t.Helper()
	b := &book{Parts: p, t: t, ids: []string{""}}
	for range 4 {
		b.write("org_1", "org_2", "", "org_1")
		b.seal()
	}
	return b
}

// write appends an event to each of the logs.
func (b *book) write(organizations ...string) {
	b.t.Helper()
	for _, o := range organizations {
		log(b.t, b.Parts, access.Actor{Kind: access.KindUser, ID: "usr_1", Name: "owner@acme.test", Address: "192.0.2.1"},
			audit.Event{OrganizationID: o, Action: audit.UserUpdated, Target: audit.Target{Kind: "user", ID: "usr_2"},
				Changes: []audit.Change{{Field: "name", Old: "Old", New: "New"}}})
	}
}

// seal seals all that waits, and learns the ids.
func (b *book) seal() {
	b.t.Helper()
	if err := b.Audit.Seal(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.View(b.t, func(tx *db.Tx) (err error) {
		b.ids, err = db.Collect(tx, func(row db.Scanner) (id string, err error) {
			err = row.Scan(&id)
			return id, err
		}, "select event_id from audit_seals order by position")
		b.ids = append([]string{""}, b.ids...)
		return err
	})
}

// verify returns what is found, each as kind and event, or place where there is
// no event.
func (b *book) verify(in audit.Verification) (done audit.Verified, found []string) {
	b.t.Helper()
	done, err := b.Audit.Verify(b.t.Context(), in, func(f audit.Finding) {
		if f.Detail == "" {
			b.t.Errorf("%+v has no words", f)
		}
		found = append(found, b.short(f))
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if int(done.Findings) != len(found) {
		b.t.Errorf("%d findings are counted, %d reported", done.Findings, len(found))
	}
	return done, found
}

// short is a finding as kind and position, or chain and number where the event
// has no place.
func (b *book) short(f audit.Finding) string {
	switch at := slices.Index(b.ids, f.EventID); {
	case f.Kind == audit.CutOff || f.Kind == audit.HeadChanged || f.Kind == audit.CheckpointChanged:
		return fmt.Sprintf("%s %s", f.Kind, f.OrganizationID)
	case at > 0:
		return fmt.Sprintf("%s %d", f.Kind, at)
	case f.EventID != "":
		return fmt.Sprintf("%s %s", f.Kind, f.EventID)
	}
	return fmt.Sprintf("%s %s:%d", f.Kind, f.OrganizationID, max(f.Position, f.Number))
}

func (b *book) found(want ...string) {
	b.t.Helper()
	if _, got := b.verify(audit.Verification{}); strings.Join(got, ", ") != strings.Join(want, ", ") {
		b.t.Errorf("found %q, not %q", got, want)
	}
}

func TestALogAsItWasWrittenIsVerified(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := newBook(t, p)
		b.write("org_3")
		done, found := b.verify(audit.Verification{})
		if len(found) != 0 || done.Sealed != 16 || done.Chains != 3 || done.Waiting != 1 || done.Head.Position != 16 || done.Purged != 0 {
			t.Errorf("%+v %v", done, found)
		}
		b.seal()
		if _, found := b.verify(audit.Verification{Known: &done.Head}); len(found) != 0 {
			t.Errorf("%v", found)
		}
		for organization, n := range map[string]int64{"org_1": 8, "org_2": 4, "org_3": 1, "installation": 4, "org_9": 0} {
			if done, found := b.verify(audit.Verification{OrganizationID: organization}); len(found) != 0 || done.Sealed != n {
				t.Errorf("%s: %+v %v", organization, done, found)
			}
		}
	})
}

// TestTamperingIsFoundAndNamed changes the database by hand, in each way and in
// each column.
func TestTamperingIsFoundAndNamed(t *testing.T) {
	type tampering struct {
		name string
		do   []string // statements; $ID5 is the event at 5
		want string
	}
	all := []tampering{
		{"an event without its seal is deleted", []string{"delete from audit_events where id = '$ID6'"}, "missing 6"},
		{"the first event is deleted", []string{"delete from audit_events where id = '$ID1'"}, "missing 1"},
		{"the last event is deleted", []string{"delete from audit_events where id = '$ID16'"}, "missing 16"},
		{"events are deleted with their seals", []string{"delete from audit_events where id in ('$ID6', '$ID7')",
			"delete from audit_seals where position in (6, 7)"}, "missing total:6, missing org_2:2, missing installation:2"},
		{"seals are deleted", []string{"delete from audit_seals where position = 6"}, "missing total:6, missing org_2:2, inserted 6"},
		{"the end is cut off", []string{"delete from audit_events where id in ('$ID15', '$ID16')", "delete from audit_seals where position > 14"},
			"cut_off installation, cut_off org_1, cut_off total"},
		{"everything is deleted but the heads", []string{"delete from audit_events", "delete from audit_seals"},
			"cut_off installation, cut_off org_1, cut_off org_2, cut_off total"},
		{"two events change places", []string{"update audit_seals set event_id = 'evt_x' where position = 5",
			"update audit_seals set event_id = '$ID5' where position = 8", "update audit_seals set event_id = '$ID8' where position = 5"}, "moved 8, moved 5"},
		{"two seals change places", []string{"update audit_seals set position = 100 where position = 5",
			"update audit_seals set position = 5 where position = 8", "update audit_seals set position = 8 where position = 100"}, "missing org_1:3, moved 8, moved 6, moved org_1:5, moved 5, missing org_1:4, moved 9"},
		{"an event is copied", []string{"insert into audit_events select 'evt_forged', time, organization_id, actor_kind, actor_id, actor_name, address, agent, action, target_kind, target_id, target_name, changes, outcome, code, reference, mac_key, mac from audit_events where id = '$ID6'"}, "inserted evt_forged"},
		{"an event without a MAC is added", []string{"insert into audit_events select 'evt_forged', time, organization_id, actor_kind, actor_id, actor_name, address, agent, action, target_kind, target_id, target_name, changes, outcome, code, reference, null, null from audit_events where id = '$ID6'"}, "inserted evt_forged"},
		{"an event's MAC is taken away", []string{"update audit_events set mac = null, mac_key = null where id = '$ID6'"}, "changed 6"},
		{"a seal is moved to another chain", []string{"update audit_seals set chain = 'org_3', number = 1 where position = 16"}, "moved 16, cut_off org_1, head_changed org_3"},
		{"a chain's head is deleted", []string{"delete from audit_heads where chain = 'org_1'"}, "head_changed org_1"},
		{"the head of all is deleted", []string{"delete from audit_heads where chain = 'total'"}, "head_changed total"},
		{"a beginning is made up", []string{"delete from audit_events where id in ('$ID1', '$ID2', '$ID3')", "delete from audit_seals where position < 4",
			"update audit_heads set base = 3, base_mac = mac, base_key = 1, base_check = mac where chain = 'total'"}, "checkpoint_changed total, missing org_1:1, moved 4, missing org_2:1, missing installation:1"},
		{"the keys are deleted", []string{"delete from audit_keys"}, "moved 1, moved 2, moved 3, moved 4, moved 5, moved 6, moved 7, moved 8, moved 9, moved 10, moved 11, moved 12, moved 13, moved 14, moved 15, moved 16"},
	}
	for column, value := range map[string]string{"time": "time + 1", "organization_id": "'org_3'", "actor_kind": "'system'", "actor_id": "'usr_9'", "actor_name": "'user@acme.test'",
		"address": "'192.0.2.2'", "agent": "'x'", "action": "'user.removed'", "target_kind": "'x'", "target_id": "'x'", "target_name": "'x'", "changes": "'[]'",
		"outcome": "'refused'", "code": "'x'", "reference": "'x'", "mac": "(select mac from audit_events where id = '$ID7')"} {
		all = append(all, tampering{"an event's " + column, []string{"update audit_events set " + column + " = " + value + " where id = '$ID6'"}, "changed 6"})
	}
	for _, c := range []struct{ column, value, want string }{
		{"event_id", "'evt_x'", "missing evt_x, inserted 6"},
		{"number", "100", "missing org_2:2, moved org_2:101"},
		{"position", "100", "missing total:6, missing org_2:2, moved org_2:5, missing total:17, cut_off org_2, head_changed total"},
		{"key_number", "2", "moved 6"},
		{"chain_mac", "(select mac from audit_seals where position = 7)", "moved 6"},
		{"mac", "(select chain_mac from audit_seals where position = 7)", "moved 6"},
	} {
		all = append(all, tampering{"a seal's " + c.column, []string{"update audit_seals set " + c.column + " = " + c.value + " where position = 6"}, c.want})
	}
	for _, c := range []struct{ column, value, want string }{
		{"number", "number + 1", "cut_off CHAIN"},
		{"mac", "(select mac from audit_seals where position = 7)", "head_changed CHAIN"},
		{"base", "1", "checkpoint_changed CHAIN, moved CHAIN:2"},
		{"base_mac", "mac", "checkpoint_changed CHAIN, moved 1"},
	} {
		for _, chain := range []string{"total", "org_1"} {
			all = append(all, tampering{chain + "'s " + c.column, []string{"update audit_heads set " + c.column + " = " + c.value + " where chain = '" + chain + "'"},
				strings.ReplaceAll(c.want, "CHAIN", chain)})
		}
	}
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := newBook(t, p)
		b.found()
		undo := errors.New("undo")
		for _, c := range all {
			t.Run(c.name, func(t *testing.T) {
				var got []string
				err := p.DB.Update(t.Context(), access.System("test"), func(tx *db.Tx) error {
					for _, statement := range c.do {
						for n := len(b.ids) - 1; n > 0; n-- {
							statement = strings.ReplaceAll(statement, fmt.Sprintf("$ID%d'", n), b.ids[n]+"'")
						}
						if n, err := tx.Exec(statement); err != nil || n == 0 {
							t.Fatalf("%s: %d %v", statement, n, err)
						}
					}
					found, err := p.Audit.VerifyIn(tx, audit.Verification{})
					if err != nil {
						return err
					}
					got = nil
					for _, f := range found {
						got = append(got, b.short(f))
					}
					return undo
				})
				if !errors.Is(err, undo) {
					t.Fatal(err)
				}
				if got := strings.Join(got, ", "); got != c.want {
					t.Errorf("found %q, not %q", got, c.want)
				}
			})
		}
		b.found()
	})
}

// TestWhatIsAddedBeforeItsSealIsFound takes the way of the sealing job: whoever
// writes to the database has events sealed, and still can't make them genuine.
func TestWhatIsAddedBeforeItsSealIsFound(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := newBook(t, p)
		const columns = `organization_id, actor_kind, actor_id, actor_name, address, agent, action, target_kind, target_id, target_name, changes, outcome, code, reference`
		for forged, mac := range map[string]string{"evt_copied": "mac_key, mac", "evt_without": "null, null"} {
			p.Exec(t, `insert into audit_events (id, time, `+columns+`, mac_key, mac)
				select '`+forged+`', time, `+columns+`, `+mac+` from audit_events where id = $1`, b.ids[6])
			p.Exec(t, `insert into audit_waiting (turn, event_id) values (0, $1)`, forged)
		}
		b.write("org_1", "org_1", "org_1")
		var waiting []string
		p.View(t, func(tx *db.Tx) (err error) {
			waiting, err = db.Collect(tx, func(row db.Scanner) (id string, err error) {
				err = row.Scan(&id)
				return id, err
			}, `select event_id from audit_waiting where turn = 1 order by event_id`)
			return err
		})
		p.Exec(t, `update audit_events set actor_id = 'usr_9' where id = $1`, waiting[0])
		p.Exec(t, `delete from audit_events where id = $1`, waiting[1])
		b.seal()
		at := func(id string) int { return slices.Index(b.ids, id) }
		_, found := b.verify(audit.Verification{})
		slices.Sort(found)
		want := []string{fmt.Sprint("changed ", at("evt_copied")), fmt.Sprint("changed ", at("evt_without")), fmt.Sprint("changed ", at(waiting[0])), fmt.Sprint("missing ", at(waiting[1]))}
		slices.Sort(want)
		if !slices.Equal(found, want) {
			t.Errorf("%v, not %v", found, want)
		}
	})
}

// TestEventsThatWaitForLong are named: whoever stops the sealing has something
// to hide.
func TestEventsThatWaitForLong(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := newBook(t, p)
		b.write("org_1")
		p.Pass(audit.SealWithin - time.Second)
		b.write("org_2")
		if state, err := p.Audit.State(t.Context()); err != nil || state.Waiting != 2 || state.Lag != audit.SealWithin || state.Head.Position != 16 {
			t.Errorf("%+v %v", state, err)
		}
		p.Pass(2 * time.Second)
		done, found := b.verify(audit.Verification{})
		if len(found) != 1 || !strings.HasPrefix(found[0], "unsealed evt_") || done.Waiting != 1 {
			t.Errorf("%+v %v", done, found)
		}
		b.seal()
		b.found()
		if state, err := p.Audit.State(t.Context()); err != nil || state.Waiting != 0 || state.Lag != 0 || state.Head.Position != 18 {
			t.Errorf("%+v %v", state, err)
		}
	})
}

// TestAnEventThatIsCommittedLate is sealed, behind those that overtook it, also
// where its time and id are long past.
func TestAnEventThatIsCommittedLate(t *testing.T) {
	p := parts.New(t, "postgres")
	b := newBook(t, p)
	begun, goOn, late := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	once := sync.OnceFunc(func() { close(begun) })
	go func() {
		late <- p.DB.Update(context.Background(), access.System("late"), func(tx *db.Tx) error {
			err := p.Audit.Append(tx, audit.Event{OrganizationID: "org_1", Action: audit.UserRemoved})
			once()
			<-goOn
			return err
		})
	}()
	<-begun
	p.Pass(time.Hour)
	b.write("org_1", "org_2")
	b.seal()
	b.found()
	close(goOn)
	if err := <-late; err != nil {
		t.Fatal(err)
	}
	b.seal()
	b.found()
	if n := len(b.ids) - 1; n != 19 || b.ids[19] > b.ids[17] {
		t.Errorf("%d events are sealed: %v", n, b.ids)
	}
}

// TestSealingSideBySide has several nodes write and seal at once: each event gets
// one seal, and no place is left out.
func TestSealingSideBySide(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := newBook(t, p)
		var all sync.WaitGroup
		for n := range 4 {
			all.Go(func() {
				for i := range 50 {
					err := p.DB.Update(t.Context(), access.System("test"), func(tx *db.Tx) error {
						return p.Audit.Append(tx, audit.Event{OrganizationID: fmt.Sprint("org_", (n+i)%3), Action: audit.UserUpdated})
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for range 3 {
			all.Go(func() {
				for range 20 {
					if err := p.Audit.Seal(t.Context()); err != nil && !strings.Contains(err.Error(), "another node") {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		b.seal()
		if done, found := b.verify(audit.Verification{}); len(found) != 0 || done.Sealed != 216 {
			t.Errorf("%+v %v", done, found)
		}
	})
}

// TestACutThatHidesItself puts the whole log back to an earlier moment, as it was
// then. Only a head that was kept somewhere else shows that.
func TestACutThatHidesItself(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := newBook(t, p)
		first, _ := b.verify(audit.Verification{})
		p.Exec(t, `create table kept as select * from audit_heads`)
		b.write("org_1", "org_2")
		b.seal()
		kept, _ := b.verify(audit.Verification{})
		p.Exec(t, `delete from audit_events where id in (select event_id from audit_seals where position > 16)`)
		p.Exec(t, `delete from audit_seals where position > 16`)
		p.Exec(t, `delete from audit_heads`)
		p.Exec(t, `insert into audit_heads select * from kept`)
		b.found()
		known := func(h audit.Head) string {
			_, found := b.verify(audit.Verification{Known: &h})
			return strings.Join(found, ", ")
		}
		if got := known(kept.Head); got != "cut_off total" {
			t.Errorf("found %q", got)
		}
		if got := known(first.Head); got != "" {
			t.Errorf("found %q", got)
		}
		b.write("org_1", "org_2", "org_1") // and written anew, beyond where it was
		b.seal()
		b.found()
		if got := known(kept.Head); got != "cut_off total" {
			t.Errorf("found %q", got)
		}
		if got := known(first.Head); got != "" {
			t.Errorf("found %q", got)
		}
	})
}

// TestOldEventsGo by the retention, and the rest is proved as before.
func TestOldEventsGo(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := newBook(t, p)
		all, _ := b.verify(audit.Verification{})
		p.Pass(100 * 24 * time.Hour)
		b.write("org_1", "", "org_1")
		purge := func(keep time.Duration) {
			t.Helper()
			if err := p.Audit.Purge(t.Context(), keep); err != nil {
				t.Fatal(err)
			}
		}
		for _, keep := range []time.Duration{0, 101 * 24 * time.Hour} {
			if purge(keep); p.Count(t, `select count(*) from audit_events`) != 19 {
				t.Fatalf("something was deleted that is kept for %v", keep)
			}
		}
		b.seal()
		purge(24 * time.Hour)
		b.seal()
		done, found := b.verify(audit.Verification{})
		if len(found) != 0 || done.Purged != 16 || done.Sealed != 4 || p.Count(t, `select count(*) from audit_events`) != 4 {
			t.Fatalf("%+v %v", done, found)
		}
		if _, found := b.verify(audit.Verification{Known: &all.Head}); len(found) != 0 {
			t.Errorf("the checkpoint is not the head that it was: %v", found)
		}
		early := all.Head
		early.Position--
		_, err := p.Audit.Verify(t.Context(), audit.Verification{Known: &early}, func(audit.Finding) {})
		parts.Refused(t, err, fault.CodeInvalid)
		for _, organization := range []string{"org_1", "org_2", "installation"} {
			if done, found := b.verify(audit.Verification{OrganizationID: organization}); len(found) != 0 {
				t.Errorf("%s: %+v %v", organization, done, found)
			}
		}
		b.ids = append(slices.Repeat([]string{"-"}, 17), b.ids[1:]...)
		var last []audit.Event
		p.View(t, func(tx *db.Tx) (err error) {
			last, err = p.Audit.List(tx, audit.Query{Installation: true, Limit: 1})
			return err
		})
		if e := last[0]; e.Action != audit.LogPurged || len(e.Changes) != 3 || e.Changes[0].New != 16.0 || e.Changes[1].New != all.Head.String() {
			t.Errorf("%+v", e)
		}

		// Nobody else moves the beginning.
		p.Exec(t, `delete from audit_events where id = $1`, b.ids[17])
		p.Exec(t, `delete from audit_seals where position = 17`)
		b.found("missing total:17", "missing org_1:9")
		p.Exec(t, `update audit_heads set base = 17 where chain = 'total'`)
		p.Exec(t, `update audit_heads set base = 9 where chain = 'org_1'`)
		b.found("checkpoint_changed org_1", "checkpoint_changed total", "moved 18", "moved 19")
	})
}

// TestATimeThatWasChangedDeletesNothing: the retention believes only what is as
// it was written.
func TestATimeThatWasChangedDeletesNothing(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := newBook(t, p)
		p.Exec(t, `update audit_events set time = 1`)
		if err := p.Audit.Purge(t.Context(), 24*time.Hour); err != nil || p.Count(t, `select count(*) from audit_events`) != 16 {
			t.Errorf("events with a forged time were deleted: %v", err)
		}
		b.seal()
	})
}

// TestANewSecretKey leaves what was sealed as it is.
func TestANewSecretKey(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := newBook(t, p)
		next := secret.NewKey()
		both, alone := p.WithKey(next), secret.NewRing(next)
		node := func(ring *secret.Ring) *audit.Log {
			p.Audit = audit.New(p.DB, p.IDs, ring, slog.New(slog.DiscardHandler))
			if err := p.Audit.Prepare(t.Context()); err != nil {
				t.Fatal(err)
			}
			return p.Audit
		}
		log := node(both)
		b.found()
		for _, want := range []int{1, 0} {
			p.Update(t, parts.Operator(), func(tx *db.Tx) error {
				if n, err := log.Reseal(tx, both); err != nil || n != want {
					t.Errorf("%d keys, not %d: %v", n, want, err)
				}
				return nil
			})
		}
		node(alone)
		b.write("org_1")
		b.seal()
		b.found()
		if n := p.Count(t, `select count(*) from audit_keys`); n != 1 {
			t.Errorf("%d keys", n)
		}

		// The key-encryption key is lost: the log goes on, and says what it can't prove.
		node(secret.NewRing(secret.NewKey()))
		b.write("org_1", "org_2")
		b.seal()
		b.found("key_missing 1")
		p.Exec(t, `update audit_events set agent = 'x' where id = $1`, b.ids[19])
		b.found("key_missing 1", "changed 19")
	})
}

// TestEventsOfAnEarlierRelease are sealed first, as they are.
func TestEventsOfAnEarlierRelease(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		b := &book{Parts: p, t: t, ids: []string{""}}
		b.write("org_1", "org_2", "")
		p.Exec(t, `update audit_events set mac = null, mac_key = null`)
		p.Exec(t, `update audit_waiting set turn = 0`)
		p.Pass(time.Hour)
		b.write("org_1")
		b.seal()
		b.found()
		p.Exec(t, `update audit_events set agent = 'x' where id = $1`, b.ids[1])
		b.found("moved 1")
	})
}

func TestAHeadIsReadAsItIsWritten(t *testing.T) {
	p := parts.New(t, "sqlite")
	done, _ := newBook(t, p).verify(audit.Verification{})
	if h, err := audit.ParseHead(" " + done.Head.String() + "\n"); err != nil || h.String() != done.Head.String() {
		t.Errorf("%v %v", h, err)
	}
	if f := (audit.Head{MAC: []byte{0, 0, 0, 0, 1, 2, 3}}).Fingerprint(); f != 258 {
		t.Errorf("%v", f)
	}
	for _, text := range []string{"", "1", "1:", "x:" + strings.Repeat("00", 32), "0:" + strings.Repeat("00", 32), "1:00", "-1:" + strings.Repeat("00", 32)} {
		_, err := audit.ParseHead(text)
		parts.Refused(t, err, fault.CodeInvalid)
	}
}
