package outbox_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/id"
	"sallyport/internal/outbox"
	"sallyport/internal/secret"
	"sallyport/internal/testenv"
)

// A house is a database with the outboxes of one or several nodes.
type house struct {
	*db.DB
	ring  *secret.Ring
	clock *testClock
	log   *lockedBuffer

	mu       sync.Mutex
	outcomes []string
}

type testClock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *testClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func each(t *testing.T, test func(t *testing.T, h *house)) {
	for _, engine := range []string{dbtest.SQLiteEngine, dbtest.PostgresEngine} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			clock := &testClock{}
			test(t, &house{DB: dbtest.Open(t, engine, db.Options{Clock: clock.Now}), clock: clock,
				ring: secret.NewRing(secret.NewKey()), log: &lockedBuffer{}})
		})
	}
}

func (h *house) observe(kind outbox.Kind, outcome outbox.Outcome) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.outcomes = append(h.outcomes, string(outcome))
}

func (h *house) observed() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.outcomes)
}

// node makes the outbox of a node, and does not run it.
func (h *house) node(t *testing.T, mailer string, trust ...*testenv.TLSFiles) *outbox.Outbox {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	transport, err := outbox.ParseTransport(mailer, logger)
	if err != nil {
		t.Fatal(err)
	}
	for _, files := range trust {
		outbox.Trust(transport, files.Pool)
	}
	o, err := outbox.New(h.DB, id.NewSource(h.clock.Now, rand.Reader), h.ring, transport, logger, h.observe,
		outbox.Config{Product: "Harbour", From: "door@harbour.test"})
	if err != nil {
		t.Fatal(err)
	}
	o.Impatient()
	return o
}

// run runs a node until the test ends or the returned function is called.
func run(t *testing.T, o *outbox.Outbox) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		o.Run(ctx)
		close(done)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// long makes links as long as they are.
const long = "_WPLQu0wG9Yb5S4tm3pXG8oVbHk2Zf1R7a6c-Ed0nTqKjIyUxMsLzCvDhAeNrBiO"

func letter(to string) outbox.Letter {
	return outbox.Letter{Kind: outbox.Reset, To: to, Link: "https://login.example/reset/secret-of-" + strings.Split(to, "@")[0] + long,
		Values: outbox.Values{"until": time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)}}
}

// mail writes a letter and commits.
func (h *house) mail(t *testing.T, o *outbox.Outbox, letters ...outbox.Letter) {
	t.Helper()
	err := h.Update(t.Context(), access.System("test"), func(tx *db.Tx) error {
		for _, l := range letters {
			if err := o.Mail(tx, l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) waiting(t *testing.T) (n int) {
	t.Helper()
	err := h.View(t.Context(), func(tx *db.Tx) error { return tx.QueryRow("select count(*) from outbox_mails").Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// eventually waits until something holds, at most ten seconds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within ten seconds: %s", what)
		}
	}
}

func recipients(mails []testenv.Mail) (list []string) {
	for _, m := range mails {
		list = append(list, m.To)
	}
	slices.Sort(list)
	return list
}

func TestMailLeavesAtOnceAfterTheCommit(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		o := h.node(t, "smtp://"+sink.Address)
		run(t, o)
		start := time.Now()
		h.mail(t, o, letter("user@acme.test"))
		eventually(t, "one mail", func() bool { return len(sink.Mails(t)) == 1 })
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
		m := sink.Mails(t)[0]
		if m.To != "user@acme.test" || m.From != `"Harbour" <door@harbour.test>` || m.Subject != "Set a new password" {
			t.Errorf("%+v", m)
		}
		if m.Link(t) != "https://login.example/reset/secret-of-user"+long || !strings.Contains(m.HTML, m.Link(t)) {
			t.Errorf("%s\n%s", m.Text, m.HTML)
		}
		if !strings.Contains(m.Text, "2026-05-04 03:02 UTC") || !strings.Contains(m.Text, "Harbour") {
			t.Error(m.Text)
		}
		if m.Header.Get("Auto-Submitted") != "auto-generated" || m.Header.Get("Mime-Version") != "1.0" || m.TextEncoding != "7bit" {
			t.Errorf("%v %s", m.Header, m.TextEncoding)
		}
		eventually(t, "the row goes", func() bool { return h.waiting(t) == 0 })
	})
}

// TestMailOfAnotherProcess: a command at the server writes a mail, and a node
// that was told nothing of it sends it.
func TestMailOfAnotherProcess(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		run(t, h.node(t, "smtp://"+sink.Address))
		start := time.Now()
		h.mail(t, h.node(t, "log:"), letter("user@acme.test"))
		eventually(t, "one mail", func() bool { return len(sink.Mails(t)) == 1 })
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestNothingIsSentOfWhatIsRolledBack(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		o := h.node(t, "smtp://"+sink.Address)
		run(t, o)
		failed := errors.New("no")
		err := h.Update(t.Context(), access.System("test"), func(tx *db.Tx) error {
			return errors.Join(o.Mail(tx, letter("never@acme.test")), failed)
		})
		if !errors.Is(err, failed) {
			t.Fatal(err)
		}
		h.mail(t, o, letter("user@acme.test"))
		eventually(t, "the other mail", func() bool { return len(sink.Mails(t)) == 1 })
		time.Sleep(100 * time.Millisecond)
		if got := recipients(sink.Mails(t)); !slices.Equal(got, []string{"user@acme.test"}) {
			t.Error(got)
		}
	})
}

// TestErrands are done after the commit, again where they fail, and not for what
// is rolled back.
func TestErrands(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		sink.Stop() // none of them needs it
		o := h.node(t, "smtp://"+sink.Address)
		done := make(chan string, 10)
		o.Handle("greet", func(_ context.Context, input json.RawMessage) error {
			done <- string(input)
			if len(done) == 1 {
				return errors.New("not yet")
			}
			return nil
		})
		run(t, o)
		send := func(name string, fail error) error {
			return h.Update(t.Context(), access.System("test"), func(tx *db.Tx) error {
				return errors.Join(o.Send(tx, name, map[string]string{"name": "Ada"}), fail)
			})
		}
		if err := send("greet", errors.New("no")); err == nil {
			t.Fatal("committed")
		}
		if err := send("unknown", nil); err == nil {
			t.Error("an errand that nobody does was taken")
		}
		if err := send("greet", nil); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the first try", func() bool { return len(done) == 1 && len(h.observed()) == 1 })
		h.clock.pass(6 * time.Second)
		eventually(t, "it is done", func() bool { return h.waiting(t) == 0 })
		if len(done) != 2 || <-done != `{"name":"Ada"}` {
			t.Errorf("%d runs", len(done))
		}
		if strings.Contains(h.log.String(), "Ada") {
			t.Error(h.log.String())
		}
	})
}

func TestRowsHoldNothingReadable(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.mail(t, h.node(t, "log:"), letter("user@acme.test"))
		var all string
		err := h.View(t.Context(), func(tx *db.Tx) error {
			var sealed []byte
			err := tx.QueryRow("select sealed from outbox_mails").Scan(&sealed)
			all = string(sealed)
			return err
		})
		if err != nil || strings.Contains(all, "secret-of") || strings.Contains(all, "acme") {
			t.Errorf("%v %q", err, all)
		}
	})
}

func TestServerDownThenUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		address := sink.Address
		sink.Stop()
		o := h.node(t, "smtp://"+address)
		run(t, o)
		h.mail(t, o, letter("a@acme.test"), letter("b@acme.test"))
		eventually(t, "the log tells of it", func() bool { return strings.Contains(h.log.String(), "mail server not reached") })
		if h.waiting(t) != 2 {
			t.Fatal("a mail is gone")
		}
		sink = testenv.StartSMTP(t, testenv.SMTPConfig{Address: address})
		eventually(t, "both mails", func() bool { return len(sink.Mails(t)) == 2 })
		time.Sleep(50 * time.Millisecond)
		if got := recipients(sink.Mails(t)); !slices.Equal(got, []string{"a@acme.test", "b@acme.test"}) {
			t.Error(got)
		}
	})
}

func TestRefusedRecipientDoesNotHinderOthers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		sink.Fail(testenv.SMTPFaults{Refuse: map[string]string{
			"gone@acme.test":  "550 5.1.1 gone@acme.test is nobody",
			"plain@acme.test": "550 no such plain@acme.test",
			"later@acme.test": "450 4.2.0 later@acme.test is greylisted",
			"relay@acme.test": "554 5.7.1 relay@acme.test: relay access denied",
		}})
		o := h.node(t, "smtp://"+sink.Address)
		h.mail(t, o, letter("gone@acme.test"), letter("plain@acme.test"), letter("later@acme.test"), letter("relay@acme.test"), letter("user@acme.test"))
		run(t, o)
		eventually(t, "the good one", func() bool { return len(sink.Mails(t)) == 1 })
		eventually(t, "two for later", func() bool { return h.waiting(t) == 2 })
		got := h.observed()
		slices.Sort(got)
		if want := []string{"postponed", "postponed", "refused", "refused", "sent"}; !slices.Equal(got, want) {
			t.Errorf("%v, not %v", got, want)
		}
		sink.Fail(testenv.SMTPFaults{})
		h.clock.pass(10 * time.Second)
		eventually(t, "those that were put off", func() bool { return len(sink.Mails(t)) == 3 })
		if log := h.log.String(); strings.Contains(log, "acme.test") || strings.Contains(log, "secret-of") {
			t.Errorf("the log tells too much:\n%s", log)
		}
	})
}

func TestGivenUpWithALine(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		sink.Fail(testenv.SMTPFaults{RefuseData: "451 4.3.0 not now"})
		o := h.node(t, "smtp://"+sink.Address)
		soon := letter("soon@acme.test")
		soon.Until = h.clock.Now().Add(time.Hour)
		h.mail(t, o, letter("user@acme.test"), soon)
		run(t, o)
		tries := sink.Tried
		eventually(t, "two tries", func() bool { return tries() == 2 && h.waiting(t) == 2 })
		h.clock.pass(2 * time.Hour)
		eventually(t, "one given up: its link has ended", func() bool { return h.waiting(t) == 1 })
		h.clock.pass(72 * time.Hour)
		eventually(t, "both given up", func() bool { return h.waiting(t) == 0 })
		if n := strings.Count(h.log.String(), "mail given up"); n != 2 {
			t.Errorf("%d lines:\n%s", n, h.log)
		}
		if got := h.observed(); len(got) < 4 || got[len(got)-1] != "given_up" {
			t.Error(got)
		}
	})
}

// TestRetriesAreBounded: pauses grow, so that three days hold few attempts.
func TestRetriesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		sink.Fail(testenv.SMTPFaults{RefuseData: "451 4.3.0 not now"})
		o := h.node(t, "smtp://"+sink.Address)
		h.mail(t, o, letter("user@acme.test"))
		run(t, o)
		for range 20 {
			before := sink.Tried()
			h.clock.pass(6 * time.Minute)
			time.Sleep(1100 * time.Millisecond / 10)
			if n := sink.Tried() - before; n > 2 {
				t.Fatalf("%d tries in six minutes", n)
			}
		}
	})
}

// TestConnectionThatBreaks: before the server has said yes a mail is sent
// again, afterwards it is not.
func TestConnectionThatBreaks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		sink.Fail(testenv.SMTPFaults{DropOnData: true})
		o := h.node(t, "smtp://"+sink.Address)
		run(t, o)
		h.mail(t, o, letter("user@acme.test"))
		eventually(t, "a try", func() bool { return sink.Tried() == 1 && len(h.observed()) == 1 })
		sink.Fail(testenv.SMTPFaults{DropAfter: true})
		h.clock.pass(6 * time.Second)
		eventually(t, "the mail", func() bool { return h.waiting(t) == 0 })
		h.mail(t, o, letter("a@acme.test"), letter("b@acme.test"))
		eventually(t, "both mails", func() bool { return h.waiting(t) == 0 })
		if got := recipients(sink.Mails(t)); !slices.Equal(got, []string{"a@acme.test", "b@acme.test", "user@acme.test"}) {
			t.Error(got)
		}
	})
}

// TestTwoNodesSendOnce: many mails, two nodes, each mail once.
func TestTwoNodesSendOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		sink.Fail(testenv.SMTPFaults{Delay: 5 * time.Millisecond})
		o, other := h.node(t, "smtp://"+sink.Address), h.node(t, "smtp://"+sink.Address)
		var letters []outbox.Letter
		for i := range 200 {
			letters = append(letters, letter(fmt.Sprintf("user%03d@acme.test", i)))
		}
		h.mail(t, o, letters...)
		run(t, o)
		run(t, other)
		eventually(t, "all are sent", func() bool { return h.waiting(t) == 0 })
		got := recipients(sink.Mails(t))
		if len(got) != 200 || len(slices.Compact(got)) != 200 {
			t.Errorf("%d mails to %d people", len(got), len(slices.Compact(got)))
		}
	})
}

// TestNodeThatDies between claim and send: the lease ends, and another node
// sends the mail with the same Message-ID.
func TestNodeThatDies(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		o := h.node(t, "smtp://"+sink.Address)
		h.mail(t, o, letter("user@acme.test"))
		if n := o.ClaimAndDie(t.Context()); n != 1 {
			t.Fatalf("%d mails claimed", n)
		}
		run(t, h.node(t, "smtp://"+sink.Address))
		time.Sleep(1200 * time.Millisecond)
		if sink.Tried() != 0 {
			t.Fatal("sent in spite of the lease")
		}
		h.clock.pass(41 * time.Second)
		eventually(t, "the mail", func() bool { return len(sink.Mails(t)) == 1 })
		if !strings.HasPrefix(sink.Mails(t)[0].MessageID, "<mai_") || !strings.HasSuffix(sink.Mails(t)[0].MessageID, "@harbour.test>") {
			t.Error(sink.Mails(t)[0].MessageID)
		}
	})
}

// TestEndWhileTheServerHangs: a node that ends waits for a mail under way only
// a moment, and gives back what it claimed.
func TestEndWhileTheServerHangs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
		sink.Fail(testenv.SMTPFaults{Hang: true})
		o := h.node(t, "smtp://"+sink.Address)
		stop := run(t, o)
		h.mail(t, o, letter("a@acme.test"), letter("b@acme.test"))
		eventually(t, "a try", func() bool { return sink.Tried() > 0 })
		start := time.Now()
		stop()
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
		sink.Fail(testenv.SMTPFaults{})
		h.clock.pass(6 * time.Second) // the one under way counts as tried
		run(t, h.node(t, "smtp://"+sink.Address))
		eventually(t, "both mails", func() bool { return len(sink.Mails(t)) == 2 })
	})
}

func TestTLSAndCredentials(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		files := testenv.TLSCertificate(t, "127.0.0.1", "localhost")
		for name, c := range map[string]struct {
			config  testenv.SMTPConfig
			scheme  string
			user    *url.Userinfo
			trusted bool
			arrives bool
		}{
			"STARTTLS where it is offered":      {testenv.SMTPConfig{TLS: files}, "smtp", nil, true, true},
			"STARTTLS with a stranger's key":    {testenv.SMTPConfig{TLS: files}, "smtp", nil, false, false},
			"credentials over STARTTLS":         {testenv.SMTPConfig{TLS: files, User: "door", Password: "p w/d@"}, "smtp", url.UserPassword("door", "p w/d@"), true, true},
			"credentials that are wrong":        {testenv.SMTPConfig{TLS: files, User: "door", Password: "other"}, "smtp", url.UserPassword("door", "p w/d@"), true, false},
			"TLS from the start":                {testenv.SMTPConfig{TLS: files, FromTheStart: true}, "smtps", nil, true, true},
			"credentials, TLS from the start":   {testenv.SMTPConfig{TLS: files, FromTheStart: true, User: "door", Password: "x"}, "smtps", url.UserPassword("door", "x"), true, true},
			"TLS from the start, not trusted":   {testenv.SMTPConfig{TLS: files, FromTheStart: true}, "smtps", nil, false, false},
			"smtps to a server that knows none": {testenv.SMTPConfig{}, "smtps", nil, true, false},
		} {
			t.Run(name, func(t *testing.T) {
				sink := testenv.StartSMTP(t, c.config)
				setting := url.URL{Scheme: c.scheme, Host: strings.Replace(sink.Address, "127.0.0.1", "localhost", 1), User: c.user}
				transport, err := outbox.ParseTransport(setting.String(), slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				if c.trusted {
					outbox.Trust(transport, files.Pool)
				}
				if err := outbox.Reach(t.Context(), transport); (err == nil) != c.arrives {
					t.Fatalf("reached: %v", err)
				}
				if !c.arrives {
					return
				}
				o := h.node(t, setting.String(), files)
				stop := run(t, o)
				h.mail(t, o, letter("user@acme.test"))
				eventually(t, "the mail", func() bool { return sink.Secured() == 1 })
				stop()
			})
		}
	})
}

func TestFiles(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		dir := t.TempDir()
		o := h.node(t, "file:"+dir)
		run(t, o)
		german := letter("müller@straße.test")
		german.Language = "de"
		h.mail(t, o, letter("user@acme.test"), german)
		eventually(t, "two files", func() bool { return len(testenv.MailsIn(t, dir)) == 2 })
		mails := testenv.MailsIn(t, dir)
		if mails[0].To != "user@acme.test" {
			mails[0], mails[1] = mails[1], mails[0]
		}
		if m := mails[0]; m.TextEncoding != "7bit" || m.Subject != "Set a new password" {
			t.Errorf("%+v", m)
		}
		if m := mails[1]; m.TextEncoding != "quoted-printable" || m.Subject != "Neues Passwort setzen" ||
			!strings.Contains(m.Text, "hoffentlich Sie") || m.To != "müller@xn--strae-oqa.test" || m.Link(t) != german.Link {
			t.Errorf("%+v", m)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 {
			t.Errorf("%v %v", entries, err)
		}
		info, err := os.Stat(filepath.Join(dir, entries[0].Name()))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info.Mode(), err)
		}
	})
}

func TestLogHoldsMailsOnlyWhereItIsTheMailer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		o := h.node(t, "log:")
		run(t, o)
		h.mail(t, o, letter("user@acme.test"))
		eventually(t, "the mail", func() bool {
			return strings.Contains(h.log.String(), "https://login.example/reset/secret-of-user"+long)
		})
		if !strings.Contains(h.log.String(), "user@acme.test") {
			t.Error(h.log.String())
		}
	})
}
