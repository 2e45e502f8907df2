package outside

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// delivered waits until the mail server has taken a mail for an address.
func delivered(t *testing.T, sink *testenv.SMTPServer, to string) testenv.Mail {
	t.Helper()
	var found testenv.Mail
	eventually(t, 40*time.Second, "a mail to "+to, func() bool {
		for _, m := range sink.Mails(t) {
			if m.To == to {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// TestMailThroughFaults: the mail server goes and comes back, hangs while the
// node is killed, and refuses a recipient. Every mail that can arrive does.
func TestMailThroughFaults(t *testing.T) {
	t.Parallel()
	for _, engine := range harness.Engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			sink := testenv.StartSMTP(t, testenv.SMTPConfig{})
			s := harness.Start(t, harness.Options{Engine: engine, Args: []string{"--mail", "smtp://" + sink.Address, "--product-name", "Harbour"}})
			o := harness.NewOrganization(t, s)

			start := time.Now()
			o.Invite(t, o.Address("first"))
			m := delivered(t, sink, o.Address("first"))
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("the first mail took %v", took)
			}
			if !strings.Contains(m.From, "Harbour") || !strings.Contains(m.Subject, "Harbour") {
				t.Errorf("%+v", m)
			}

			sink.Stop()
			o.Invite(t, o.Address("second"))
			time.Sleep(time.Second)
			sink = testenv.StartSMTP(t, testenv.SMTPConfig{Address: sink.Address})
			delivered(t, sink, o.Address("second"))

			// Killed between the claim and the server's yes.
			sink.Fail(testenv.SMTPFaults{Hang: true})
			o.Invite(t, o.Address("third"))
			eventually(t, 10*time.Second, "the mail is on its way", func() bool { return sink.Tried() > 1 })
			s.Kill()
			sink.Fail(testenv.SMTPFaults{Refuse: map[string]string{o.Address("refused"): "550 5.1.1 nobody"}})
			s.Exec(t, "update outbox_mails set due_at = $1", time.Now()) // the lease would take 40 s
			s.Again(t)
			path := s.Path(t, delivered(t, sink, o.Address("third")).Link(t))
			s.NewBrowser(t).Post(t, path, passwords(newPassword)).Redirected(t, "/")

			o.Invite(t, o.Address("refused"))
			o.Invite(t, o.Address("fourth"))
			delivered(t, sink, o.Address("fourth"))
			eventually(t, 10*time.Second, "nothing waits", func() bool { return s.Count(t, "select count(*) from outbox_mails") == 0 })
			if log := s.Log(); !strings.Contains(log, "mail given up") || strings.Contains(log, "/invitation/") || strings.Contains(log, o.Domain) {
				t.Errorf("the log:\n%s", s.LogTail(40))
			}
			res, err := http.Get(s.Admin + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if text, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(text), `sallyport_mails_total{kind="invitation",outcome="refused"} 1`) {
				t.Errorf("the refused mail is not counted: %v", err)
			}
		})
	}
}

// TestMailStandsInTheLogWhereThatIsTheMailer, so that somebody can try it out.
func TestMailStandsInTheLogWhereThatIsTheMailer(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{Args: []string{"--mail", "log:"}})
	o := harness.NewOrganization(t, s)
	o.Invite(t, o.Address("new"))
	eventually(t, 5*time.Second, "the mail is logged", func() bool { return strings.Contains(s.Log(), s.Base+"/invitation/") })
}

// TestTasksGoOnWhenANodeDies: one node does each task, and the other takes them
// over within half a minute.
func TestTasksGoOnWhenANodeDies(t *testing.T) {
	t.Parallel()
	a := harness.Start(t, harness.Options{Engine: "postgres"})
	b := harness.Start(t, harness.Options{Like: a})
	a.DueNow(t)
	a.Kill()
	// As if it had died in the middle of every task.
	b.Exec(t, "update job_tasks set due_at = 0, holder = 'dead', held_until = $1", time.Now().Add(16*time.Second))
	at := time.Now()
	eventually(t, 30*time.Second, "the other node does them", func() bool {
		return b.Count(t, "select count(*) from job_tasks where succeeded_at is null or succeeded_at < $1", at) == 0
	})
	t.Logf("after %v", time.Since(at).Round(100*time.Millisecond))
}
